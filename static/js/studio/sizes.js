/** Sizes that suit a model: shapes with about as many pixels as it was made for. Pure. */

const RATIOS = { square: [1, 1], portrait: [3, 4], landscape: [4, 3] };
export const LABELS = { square: "Square", portrait: "Portrait", landscape: "Landscape" };

/** The multiple of `step` next to `value`, at least one of them. */
export const near = (value, step) => Math.max(step, Math.round(value / step) * step);

/** @param {{width, height, multiple_of}} facts  @returns {{name, width, height}[]} */
export function presets({ width, height, multiple_of: step }) {
  const area = width * height;
  return Object.entries(RATIOS).map(([name, [across, down]]) => {
    if (width * down === height * across) return { name, width, height };
    const side = Math.sqrt(area / (across * down));
    return { name, width: near(across * side, step), height: near(down * side, step) };
  });
}

/** What of a source's shape suits a model: as many pixels as it was made for. */
export function likeSource({ width, height }, facts) {
  const scale = Math.sqrt((facts.width * facts.height) / (width * height));
  return { width: near(width * scale, facts.multiple_of), height: near(height * scale, facts.multiple_of) };
}
