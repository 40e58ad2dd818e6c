/** The part of a terminal's stream that the command needs. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

export interface Progress {
  /** One more has ended. */
  step(): void;
  /** Leaves no trace of the bar. */
  clear(): void;
}

const barWidth = 30;
const eraseLine = '\r\x1b[K';

export const noProgress: Progress = { step: () => {}, clear: () => {} };

/**
 * A bar on one line, redrawn in place, at most once for each percent.
 * @param after milliseconds after which it is shown
 */
export function progressBar(output: Output, title: string, total: number, after = 0): Progress {
  let ended = 0;
  let shown = -1;
  let isVisible = after === 0;
  const timer = isVisible ? null : setTimeout(appear, after).unref();

  function appear(): void {
    isVisible = true;
    draw();
  }

  function draw(): void {
    const percent = Math.floor((ended / total) * 100);
    if (!isVisible || percent === shown) return;
    shown = percent;
    const filled = Math.floor((ended / total) * barWidth);
    output.write(`${eraseLine}${title} ${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ${ended}/${total}`);
  }

  draw();
  return {
    step() {
      ended = Math.min(ended + 1, total);
      draw();
    },
    clear() {
      if (timer !== null) clearTimeout(timer);
      if (isVisible) output.write(eraseLine);
    },
  };
}
