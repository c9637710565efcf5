// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, it } from "vitest";
import { Inquiry } from "../src/live/inquiry.ts";

describe("a question for the nodes that went", () => {
  const page = [{ uid: "g/a" }, { uid: "g/b" }];

  it("is not answered with whom somebody dismissed while its pages came", () => {
    const inquiry = new Inquiry();
    inquiry.hear({ type: "dismissed", uid: "g/a" }); // before it was asked: if that is told, it went again
    inquiry.begin();
    inquiry.hear({ type: "gone", uid: "g/a" });
    inquiry.hear({ type: "dismissed", uid: "g/b" });
    expect(inquiry.end(page)).toEqual([{ uid: "g/a" }]);
    inquiry.begin();
    expect(inquiry.end(page)).toEqual(page);
  });

  it("may be asked while another is", () => {
    const inquiry = new Inquiry();
    inquiry.begin();
    inquiry.hear({ type: "dismissed", uid: "g/b" });
    inquiry.begin();
    expect(inquiry.end(page)).toEqual([{ uid: "g/a" }]);
    expect(inquiry.end(page)).toEqual([{ uid: "g/a" }]);
  });
});
