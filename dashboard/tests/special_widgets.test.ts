// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, test } from "vitest";
import { commandOf, commandOfKey, commandsOf } from "../src/widgets/robot/commands.ts";
import { draftOf, keepDraft, MAX_DRAFTS } from "../src/widgets/script/drafts.ts";
import { MAX_SENT_BYTES, sentBytes } from "../src/widgets/script/size.ts";
import { pictureOf } from "../src/widgets/webcam/address.ts";

describe("the robot's pad", () => {
  test("shows a command only when the device says just that", () => {
    expect(commandOf("l")).toBe("l");
    expect(commandOf(" s\n")).toBe("s");
    for (const other of ["L", "lr", "", "forward", 1, null, ["l"]]) expect(commandOf(other)).toBeNull();
  });

  test("is driven by arrows and stopped by space", () => {
    expect(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", " "].map(commandOfKey)).toEqual(["u", "d", "l", "r", "s"]);
    expect(["Enter", "u", "toString"].map(commandOfKey)).toEqual([undefined, undefined, undefined]);
  });

  test("has what the device takes; everything, where it did not say", () => {
    expect([...commandsOf(["s", "l", "r", "u"])].sort()).toEqual(["l", "r", "s", "u"]);
    expect(commandsOf(undefined).size).toBe(5);
    expect(commandsOf([1, "x"]).size).toBe(5);
  });
});

describe("a picture", () => {
  const PAGE = "http://pi.local:8080/dash/";
  const kindOf = (said: unknown, allowed: readonly string[] = [], page = PAGE): string => pictureOf(said, allowed, page).kind;

  test("is shown from the page's own host and from allowed ones, as the browser's policy judges them", () => {
    expect(pictureOf(" http://cam:8081/stream.mjpg ", ["cam:8081"], PAGE)).toEqual({ kind: "shown", url: "http://cam:8081/stream.mjpg", host: "cam:8081" });
    expect(kindOf("http://pi.local:8080/cam.jpg")).toBe("shown");
    expect(kindOf("http://cam/a.jpg", ["cam"])).toBe("shown");
    expect(kindOf("http://CAM/a.jpg", ["Cam:80"])).toBe("shown");
    expect(kindOf("https://cam/a.jpg", ["cam"])).toBe("shown");
    expect(kindOf("https://a.example.org/", ["*.example.org"])).toBe("shown");
    expect(kindOf("https://cam/a.jpg", ["cam"], "https://pi.local/")).toBe("shown");
  });

  test("is refused from everywhere else", () => {
    expect(pictureOf("http://cam:8081/", ["cam"], PAGE)).toEqual({ kind: "refused", url: "http://cam:8081/", host: "cam:8081" });
    expect(kindOf("http://cam/")).toBe("refused");
    expect(kindOf("http://cam.evil/", ["cam"])).toBe("refused");
    expect(kindOf("http://cam@evil/", ["cam"])).toBe("refused");
    expect(kindOf("http://cam/", ["https://cam"])).toBe("refused");
    expect(kindOf("http://example.org/", ["*.example.org"])).toBe("refused");
    expect(kindOf("http://pi.local:8081/")).toBe("refused");
    expect(kindOf("http://cam/", ["(", "", "ht tp://cam"])).toBe("refused");
  });

  test("over http is not mixed into a page over https", () => {
    expect(kindOf("http://cam/a.jpg", ["cam"], "https://pi.local/")).toBe("mixed");
  });

  test.each(["javascript:alert(1)", "data:image/svg+xml,<svg onload=alert(1)>", "blob:http://cam/1", "//cam/a.jpg", "cam/a.jpg", "ftp://cam/", "http://", "http://[", "", 5, null, `http://cam/${"a".repeat(3000)}`])(
    "has no other address: %s",
    (said) => {
      expect(kindOf(said, ["cam"])).toBe("none");
    },
  );
});

test("a script takes in a message what its JSON takes", () => {
  expect(sentBytes("a")).toBe(3);
  expect(sentBytes('"\n')).toBe(6);
  expect(sentBytes("é")).toBe(4);
  expect(sentBytes("x".repeat(MAX_SENT_BYTES - 2))).toBe(MAX_SENT_BYTES);
});

test("drafts are kept for each device until they are sent or given up, and are bounded", () => {
  keepDraft("coap/1", "js", "led(1)");
  expect([draftOf("coap/1", "js"), draftOf("coap/2", "js")]).toEqual(["led(1)", undefined]);
  keepDraft("coap/1", "js", undefined);
  expect(draftOf("coap/1", "js")).toBeUndefined();
  for (let device = 0; device <= MAX_DRAFTS; device += 1) keepDraft(`ws/${String(device)}`, "js", "x");
  expect(draftOf("ws/0", "js")).toBeUndefined();
  expect(draftOf("ws/1", "js")).toBe("x");
});
