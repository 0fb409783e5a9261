// The host's interfaces as they cross the border: what `wit/` says, in TypeScript.

/** A failure as it crosses the border. */
export interface WireFault {
  code: string;
  message: string;
  retryable: boolean;
  details: string | null;
}

/** Headers: pairs of name and value. */
export type Headers = [name: string, value: string][];

export interface HostLog {
  write(level: string, message: string, fields: [string, string][]): void;
}

export interface HostConfig {
  get(): string;
}

export interface HostClock {
  now(): string;
}

export interface HostRandom {
  bytes(length: number): Uint8Array;
}

export interface HostContext {
  get(): string;
}

export interface HostRecords {
  get(object: string, id: string): string | null;
  query(object: string, query: string): string[];
  create(object: string, fields: string): string;
  update(object: string, id: string, fields: string): string;
  delete(object: string, id: string): void;
  aggregate(object: string, question: string): string;
}

export interface HostKv {
  get(key: string): Uint8Array | null;
  set(key: string, value: Uint8Array): void;
  delete(key: string): void;
  keys(prefix: string, after: string, limit: number): string[];
}

export interface HostHttp {
  send(request: { method: string; url: string; headers: Headers; body: Uint8Array; timeoutMs: number }): {
    status: number;
    headers: Headers;
    body: Uint8Array;
  };
}

export interface HostEvents {
  publish(eventType: string, subject: string, data: string): void;
}

export interface HostJobs {
  enqueue(name: string, payload: string, delayMs: number): string;
}

export interface HostSecrets {
  isSet(name: string): boolean;
  sign(name: string, algorithm: string, data: Uint8Array): Uint8Array;
  verify(name: string, algorithm: string, data: Uint8Array, signature: Uint8Array): boolean;
}

export interface HostActions {
  run(plugin: string, name: string, input: string): string;
}

/** Everything that a plugin may call. */
export interface Host {
  log: HostLog;
  config: HostConfig;
  clock: HostClock;
  random: HostRandom;
  context: HostContext;
  records: HostRecords;
  kv: HostKv;
  http: HostHttp;
  events: HostEvents;
  jobs: HostJobs;
  secrets: HostSecrets;
  actions: HostActions;
}
