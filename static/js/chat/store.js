/** Holds the state; tells its listeners once a frame, however many changes came. */
/** Frames pause in hidden tabs; there a timer is enough. */
const soon = (run) => (document.hidden ? setTimeout(run, 250) : requestAnimationFrame(run));

/** @param reduce (state, action) → state, pure */
export function createStore(reduce, state) {
  const listeners = [];
  let scheduled = false;

  function tell() {
    scheduled = false;
    for (const listener of listeners) listener(state);
  }

  return {
    get state() {
      return state;
    },
    dispatch(action) {
      const before = state;
      state = reduce(state, action);
      if (state !== before && !scheduled) {
        scheduled = true;
        soon(tell);
      }
    },
    subscribe(listener) {
      listeners.push(listener);
      listener(state);
    },
  };
}
