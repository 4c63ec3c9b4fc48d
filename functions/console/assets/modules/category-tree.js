// A tenant's categories as a tree: each below the one that it is in, by sort order.

/**
 * @typedef {{
 *   id: string, tenantId: string, name: string, slug: string, parentId: string | null, googleCategoryId: string | null, isActive: boolean,
 *   sortOrder: number, createdAt: string, updatedAt: string, version: number,
 * }} Category
 */
/** @typedef {{ category: Category, depth: number, found: boolean }} Line `found`: it is what was looked for, and not above that. */

/** @param {Category} one @param {Category} other */
const byOrder = (one, other) => one.sortOrder - other.sortOrder || one.id.localeCompare(other.id);

/**
 * Those that are looked for, and what they are below of.
 * @param {Category[]} categories
 * @param {(category: Category) => boolean} isWanted
 * @returns {Line[]}
 */
export function tree(categories, isWanted) {
  const known = new Map(categories.map((category) => [category.id, category]));
  /** @type {Map<string | null, Category[]>} */
  const below = new Map();
  for (const category of [...categories].sort(byOrder)) {
    // What it is below of may have been deleted, or may not be there yet.
    const parent = category.parentId && known.has(category.parentId) ? category.parentId : null;
    below.set(parent, [...(below.get(parent) ?? []), category]);
  }
  const lines = (/** @type {string | null} */ parent, /** @type {number} */ depth) => {
    /** @type {Line[]} */
    const found = [];
    for (const category of below.get(parent) ?? []) {
      const inner = lines(category.id, depth + 1);
      const isFound = isWanted(category);
      if (isFound || inner.length > 0) found.push({ category, depth, found: isFound }, ...inner);
    }
    return found;
  };
  return lines(null, 0);
}

/** Those that it cannot be put below of: itself, and what is below it. @param {Category[]} categories @param {string} id */
export function within(categories, id) {
  const inside = new Set([id]);
  let before = 0;
  while (inside.size > before) {
    before = inside.size;
    for (const one of categories) if (one.parentId && inside.has(one.parentId)) inside.add(one.id);
  }
  return inside;
}

/** The address that a name would have. @param {string} name */
export const slugOf = (name) =>
  name
    .toLowerCase()
    .replaceAll("æ", "ae")
    .replaceAll("ø", "oe")
    .replaceAll("å", "aa")
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 100);
