// Numbers as people read them; an en dash where there is none.

const none = '–';

/**
 * Three significant digits, without an exponent.
 *
 * @param {number | null | undefined} value
 */
export function short(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return none;
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en');
  return value.toFixed(size >= 10 ? 1 : 2);
}

/**
 * A share of 0 to 1 as a percentage, without its sign.
 *
 * @param {number | null | undefined} share
 */
export function percent(share) {
  return share === null || share === undefined ? none : String(Math.round(share * 1000) / 10);
}

/** @param {number} ms */
export function duration(ms) {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return 'less than a minute';
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

/**
 * An intent's name as words.
 *
 * @param {string} intent
 */
export function words(intent) {
  return intent.replace(/[_-]+/g, ' ');
}
