/** Where time comes from; rooms that must be pure take readings of it as arguments. */
export interface Clock {
  /** Milliseconds of a clock that never steps back, with fractions; meaningless across processes. */
  now(): number;
  /** Milliseconds since 1970, for people and for rows that outlive the process. */
  wall(): number;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
};
