// What the scenario asks of a browser; one thin driver for each engine.
export interface Engine {
  goto(address: string): Promise<void>;
  /** What `ask` answers in the page, as JSON; `ask` sees nothing but `given`. */
  evaluate<T, G extends unknown[]>(ask: (...given: G) => T | Promise<T>, ...given: G): Promise<T>;
  /** Keystrokes to whatever has the focus. */
  type(text: string): Promise<void>;
  /** One key by its name in KeyboardEvent.key. */
  press(key: string): Promise<void>;
  /** As near to this as the window goes. */
  resize(width: number, height: number): Promise<void>;
  screenshot(path: string): Promise<void>;
  close(): Promise<void>;
}
