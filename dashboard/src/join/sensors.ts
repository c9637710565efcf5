// SPDX-License-Identifier: BSD-3-Clause
import { t } from "./strings.ts";

/** So often at most motion is told, and place. */
export const MOTION_EVERY_MS = 100;
export const PLACE_EVERY_MS = 1000;
/** A device that has a motion sensor says so within this time. */
export const NO_SENSOR_AFTER_MS = 3000;

/** In m/s², as the browser gives it: without gravity where it can tell. */
export interface Acceleration {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** In degrees, and metres. */
export interface Place {
  readonly lat: number;
  readonly lng: number;
  readonly accuracy: number;
}

/** What a sensor tells its owner. `failed` ends it. */
export interface Listener<Value> {
  told(value: Value): void;
  failed(why: string): void;
}

/** Starts one; what it returns ends it. Throws an Error that says why not. */
export type Sensor<Value> = (listener: Listener<Value>) => Promise<() => void>;

/** Lets through no more than one of what comes within `everyMs`. Pure: the time comes in. */
export function pace(everyMs: number): (nowMs: number) => boolean {
  let lastMs = -Infinity;
  return (nowMs) => {
    if (nowMs - lastMs < everyMs) return false;
    lastMs = nowMs;
    return true;
  };
}

/** The numbers of a DeviceMotionEvent; null where it has none. */
export function accelerationOf({ acceleration, accelerationIncludingGravity }: Pick<DeviceMotionEvent, "acceleration" | "accelerationIncludingGravity">): Acceleration | null {
  for (const found of [acceleration, accelerationIncludingGravity]) {
    if (found === null || found.x === null || found.y === null || found.z === null) continue;
    return { x: rounded(found.x, 100), y: rounded(found.y, 100), z: rounded(found.z, 100) };
  }
  return null;
}

export const motion: Sensor<Acceleration> = async ({ told, failed }) => {
  if (!isSecureContext) throw new Error(t("motionNeedsHttps"));
  if (typeof DeviceMotionEvent === "undefined") throw new Error(t("motionNotTold"));
  // Where it is asked for, on iOS, that has to be in the very tap.
  const { requestPermission } = DeviceMotionEvent as unknown as { requestPermission?: () => Promise<string> };
  if (requestPermission !== undefined && (await requestPermission()) !== "granted") throw new Error(t("motionRefused"));
  const isDue = pace(MOTION_EVERY_MS);
  const noSensor = setTimeout(() => {
    end();
    failed(t("motionNoSensor"));
  }, NO_SENSOR_AFTER_MS);
  const hear = (event: DeviceMotionEvent): void => {
    const found = accelerationOf(event);
    if (found === null) return;
    clearTimeout(noSensor);
    if (isDue(performance.now())) told(found);
  };
  const end = (): void => {
    clearTimeout(noSensor);
    removeEventListener("devicemotion", hear);
  };
  addEventListener("devicemotion", hear);
  return end;
};

export const place: Sensor<Place> = ({ told, failed }) => {
  if (!isSecureContext) return Promise.reject(new Error(t("placeNeedsHttps")));
  if (!("geolocation" in navigator)) return Promise.reject(new Error(t("placeNotTold")));
  const isDue = pace(PLACE_EVERY_MS);
  const hear = ({ coords }: GeolocationPosition): void => {
    if (!isDue(performance.now())) return;
    told({ lat: rounded(coords.latitude, 1e6), lng: rounded(coords.longitude, 1e6), accuracy: rounded(coords.accuracy, 1) });
  };
  const refuse = ({ code, PERMISSION_DENIED, TIMEOUT }: GeolocationPositionError): void => {
    if (code === TIMEOUT) return; // it goes on trying
    navigator.geolocation.clearWatch(watching);
    failed(code === PERMISSION_DENIED ? t("placeRefused") : t("placeUnknown"));
  };
  const watching = navigator.geolocation.watchPosition(hear, refuse, { enableHighAccuracy: true });
  return Promise.resolve(() => navigator.geolocation.clearWatch(watching));
};

function rounded(number: number, steps: number): number {
  return Math.round(number * steps) / steps;
}
