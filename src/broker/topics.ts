/** Where intentd's own dialect is spoken for one device. */
export class Topics {
  readonly request: string;
  readonly response: string;
  readonly state: string;
  readonly info: string;
  readonly engine: string;
  readonly metrics: string;
  readonly update: string;
  readonly updateState: string;
  /** Every answer as an event of Home Assistant, where that is asked for. */
  readonly intent: string;

  constructor(
    readonly prefix: string,
    device: string,
  ) {
    const base = `${prefix}/${device}`;
    this.request = `${base}/request`;
    this.response = `${base}/response`;
    this.state = `${base}/state`;
    this.info = `${base}/info`;
    this.engine = `${base}/engine`;
    this.metrics = `${base}/metrics`;
    this.update = `${base}/update`;
    this.updateState = `${base}/update/state`;
    this.intent = `${base}/intent`;
  }

  /** Where requests for a group of agents are published. */
  poolRequest(group: string): string {
    return `${this.prefix}/pool/${group}/request`;
  }

  /** The shared subscription by which one agent of the group takes each of them. */
  poolSubscription(group: string): string {
    return `$share/${group}/${this.poolRequest(group)}`;
  }

  poolResponse(group: string): string {
    return `${this.prefix}/pool/${group}/response`;
  }
}

export const hermesTopics = {
  query: 'hermes/nlu/query',
  intent: (name: string) => `hermes/intent/${name}`,
  parsed: 'hermes/nlu/intentParsed',
  notRecognized: 'hermes/nlu/intentNotRecognized',
  error: 'hermes/error/nlu',
};

/** A topic that may be published to: no wildcard, no NUL, not empty, none of the broker's own (`$…`). */
export function isPlainTopic(topic: string): boolean {
  return topic !== '' && topic.length <= 1024 && !/[+#\0]/.test(topic) && !topic.startsWith('$');
}

/** Whether a topic filter (MQTT 5, 4.7.1) matches a plain topic. */
export function matchesFilter(filter: string, topic: string): boolean {
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (const [at, want] of wanted.entries()) {
    // 4.7.1.2: `a/#` matches its parent `a` too.
    if (want === '#') return at === wanted.length - 1;
    const level = levels[at];
    if (level === undefined || (want !== '+' && want !== level)) return false;
  }
  return wanted.length === levels.length;
}

/** Decides which Response Topics of senders may be published to. */
export class ResponseTopicRule {
  readonly #patterns: readonly string[];
  readonly #own: readonly string[];

  /**
   * @param patterns topic filters that are allowed
   * @param own topic filters that intentd subscribes to, which are refused whatever `patterns` say
   */
  constructor(patterns: readonly string[], own: readonly string[]) {
    this.#patterns = patterns;
    this.#own = own;
  }

  allows(topic: string): boolean {
    return (
      isPlainTopic(topic) &&
      this.#patterns.some((pattern) => matchesFilter(pattern, topic)) &&
      !this.#own.some((filter) => matchesFilter(filter, topic))
    );
  }
}
