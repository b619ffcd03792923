// What the checks on a GPU machine share: they run with Node.js alone, for such a machine has nothing else.

let failed = 0;
let passed = 0;

/** Prints one line, and remembers a failure. */
export function expect(what, holds, figures = '') {
  if (holds) passed++;
  else failed++;
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${what}${figures === '' ? '' : `: ${figures}`}`);
}

export function note(what, figures) {
  console.log(`     ${what}: ${figures}`);
}

/** Runs a section; what it throws is a failure, and the next goes on. */
export async function section(name, run) {
  console.log(`== ${name}`);
  try {
    return await run();
  } catch (error) {
    expect(name, false, `${error.code ?? ''} ${error.stack ?? error}`);
    return undefined;
  }
}

/** Prints the sum, and gives the exit status. */
export function summary() {
  console.log(`== ${passed} ok, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** Expects that something fails with a code; `words` must stand in its message. */
export async function expectCode(what, code, words, run) {
  try {
    await run();
    expect(what, false, 'did not fail');
  } catch (error) {
    expect(
      what,
      error.code === code && words.test(error.message),
      `${error.code} ${error.message.slice(0, 300)}`,
    );
  }
}

export function cosine(a, b) {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / Math.sqrt(aa * bb);
}

export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

export const ms = (from) => Math.round(performance.now() - from);
export const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** Rows of tokens padded to one length, as `infer` takes them. */
export function batchOf(rows) {
  const sequence = Math.max(...rows.map((row) => row.length));
  const ids = new Int32Array(rows.length * sequence);
  rows.forEach((row, at) => ids.set(row, at * sequence));
  return { ids, lengths: Int32Array.from(rows, (row) => row.length), size: rows.length, sequence };
}

/** Embeddings of rows, one array each, and the GPU's µs. */
export async function embed(addon, engine, rows, hidden) {
  const { ids, lengths, size, sequence } = batchOf(rows);
  const out = new Float32Array(size * hidden);
  const gpuUs = await addon.infer(engine, ids, lengths, size, sequence, out);
  return { gpuUs, embeddings: rows.map((_, at) => out.slice(at * hidden, (at + 1) * hidden)) };
}
