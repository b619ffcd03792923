/** Characters that a terminal shows over two columns: the East Asian wide ones, and emoji. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;
const invisible = /[\p{Mn}\p{Me}\p{Cf}]/u;
/** A terminal obeys them, and what is printed comes from others; tabs and line ends are left. */
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** The columns a terminal needs for a text without control characters. */
export function displayWidth(text: string): number {
  let columns = 0;
  for (const character of text) {
    if (!invisible.test(character)) columns += wide.test(character) ? 2 : 1;
  }
  return columns;
}

/** Makes control characters visible, so that what others wrote cannot steer the terminal. */
export function stripControls(text: string): string {
  return text.replaceAll(
    controls,
    (character) => `\\x${character.codePointAt(0)!.toString(16).padStart(2, '0')}`,
  );
}

/** Cuts a text to so many columns, with an ellipsis where something is missing. */
export function shorten(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let kept = '';
  let used = 1;
  for (const character of text) {
    used += displayWidth(character);
    if (used > columns) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Breaks a text at spaces into lines of so many columns; longer words stand alone. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)!} ${word}`;
    if (lines.length > 0 && displayWidth(longer) <= columns) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
