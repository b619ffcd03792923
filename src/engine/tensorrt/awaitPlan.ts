import type { Socket } from 'node:net';
import { IntentdError } from '../../base/index.js';
import type { Candidate } from '../builder/candidates.js';
import type { KeyParts } from '../cache/key.js';
import { FrameReader, frameKinds } from '../worker/frames.js';
import { sendJson } from '../worker/sending.js';

/**
 * Asks the daemon for the plan of these parts, and waits until it said that the bytes it sent are right.
 *
 * @throws IntentdError `bad_frame` where fewer or more bytes came
 */
export function awaitPlan(
  socket: Socket,
  parts: KeyParts,
): Promise<{ plan: Uint8Array; candidate: Candidate }> {
  const reader = new FrameReader();
  let plan: Uint8Array | undefined;
  let at = 0;
  return new Promise((resolve, reject) => {
    const take = (kind: number, body: Buffer): void => {
      if (kind === frameKinds.planBegin) {
        plan = new Uint8Array((JSON.parse(body.toString('utf8')) as { bytes: number }).bytes);
      } else if (kind === frameKinds.plan && plan !== undefined && at + body.length <= plan.length) {
        plan.set(body, at);
        at += body.length;
      } else if (kind === frameKinds.planEnd && at === plan?.length) {
        socket.off('data', receive);
        resolve({ plan, candidate: JSON.parse(body.toString('utf8')) as Candidate });
      } else {
        throw new IntentdError('bad_frame', `A frame of kind ${kind} came in the middle of a plan.`);
      }
    };
    const receive = (chunk: Buffer): void => {
      try {
        for (const { kind, body } of reader.push(chunk)) take(kind, body);
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
    socket.on('data', receive);
    void sendJson(socket, frameKinds.wanted, parts);
  });
}
