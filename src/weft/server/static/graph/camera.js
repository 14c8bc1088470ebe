// Where somebody looks at a plane: a scale, and the point of the plane in the screen's upper left corner.
//
// Pure: each function gives a new camera. Invariant: `scale` stays between the least and the greatest; what is under the
// pointer stays under it when the scale changes.

export const SCALE_MIN = 0.05;
export const SCALE_MAX = 2.5;

/** @typedef {{x: number, y: number, scale: number}} Camera */

/** From the screen to the plane. */
export const toPlane = (camera, at) => ({ x: at.x / camera.scale + camera.x, y: at.y / camera.scale + camera.y });

/** From the plane to the screen. */
export const toScreen = (camera, at) => ({ x: (at.x - camera.x) * camera.scale, y: (at.y - camera.y) * camera.scale });

/** Moved by so many pixels of the screen. */
export const panned = (camera, dx, dy) => ({ ...camera, x: camera.x - dx / camera.scale, y: camera.y - dy / camera.scale });

/** Nearer by a factor, about a point of the screen. */
export function zoomed(camera, factor, at) {
  const scale = Math.min(SCALE_MAX, Math.max(SCALE_MIN, camera.scale * factor));
  const point = toPlane(camera, at);
  return { scale, x: point.x - at.x / scale, y: point.y - at.y / scale };
}

/** All of a box in the middle of a screen of this size; never larger than life. */
export function fitted(box, screen, margin = 24) {
  const wide = Math.max(1, screen.width - 2 * margin) / Math.max(1, box.width);
  const high = Math.max(1, screen.height - 2 * margin) / Math.max(1, box.height);
  const scale = Math.min(1, Math.max(SCALE_MIN, Math.min(wide, high)));
  return {
    scale,
    x: box.x + box.width / 2 - screen.width / 2 / scale,
    y: box.y + box.height / 2 - screen.height / 2 / scale,
  };
}

/** Moved no further than is needed for a box to be seen. */
export function showing(camera, box, screen, margin = 48) {
  const start = toScreen(camera, box);
  const end = toScreen(camera, { x: box.x + box.width, y: box.y + box.height });
  const by = (low, high, size) => (low < margin ? margin - low : high > size - margin ? Math.max(size - margin - high, margin - low) : 0);
  return panned(camera, by(start.x, end.x, screen.width), by(start.y, end.y, screen.height));
}

/** The part of the plane that a screen of this size shows. */
export const seen = (camera, screen) => ({ x: camera.x, y: camera.y, width: screen.width / camera.scale, height: screen.height / camera.scale });

/** Whether two boxes have a point in common. */
export const meets = (one, other) =>
  one.x <= other.x + other.width && other.x <= one.x + one.width && one.y <= other.y + other.height && other.y <= one.y + one.height;
