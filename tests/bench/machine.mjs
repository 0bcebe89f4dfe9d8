// What else the machine does, and how much memory the browser had, from /proc; where there is none, null.
import { readdirSync, readFileSync } from 'node:fs';

const read = (/** @type {string} */ file) => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

/** This process and its descendants, the browser among them, with the CPU ticks each has used. */
function ours() {
  /** @type {Map<string, {parent: string, ticks: number}>} */
  const all = new Map();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const fields = read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? [];
    all.set(pid, { parent: fields[1], ticks: Number(fields[11]) + Number(fields[12]) });
  }
  const isOurs = (/** @type {string | undefined} */ pid) => {
    for (; pid && pid !== '0'; pid = all.get(pid)?.parent) if (pid === String(process.pid)) return true;
    return false;
  };
  return [...all].filter(([pid]) => isOurs(pid)).map(([pid, { ticks }]) => ({ pid, ticks }));
}

/** A moment to measure from. */
export function moment() {
  const [user, nice, system, , , irq, softirq, steal] = (read('/proc/stat').match(/\d+/g) ?? []).map(Number);
  const used = ours().reduce((sum, { ticks }) => sum + ticks, 0);
  return { others: user + nice + system + irq + softirq + steal - used, at: performance.now() };
}

/** Cores that others have used since. @param {{others: number, at: number}} since */
export function othersCores(since) {
  const now = moment();
  const seconds = (now.at - since.at) / 1000;
  return seconds > 0.3 ? Math.max(0, (now.others - since.others) / 100 / seconds) : null; // 100 ticks a second
}

/** The most memory (MB, RSS) that the biggest of the browser's renderers ever had. */
export function rendererPeak() {
  const renderers = ours().filter(({ pid }) => read(`/proc/${pid}/cmdline`).includes('--type=renderer'));
  const peaks = renderers.map(({ pid }) => Number(read(`/proc/${pid}/status`).match(/VmHWM:\s+(\d+)/)?.[1] ?? 0));
  return Math.max(0, ...peaks) / 1024;
}

export const cpu = () => read('/proc/cpuinfo').match(/model name\s*: (.*)/)?.[1] ?? 'unknown processor';
