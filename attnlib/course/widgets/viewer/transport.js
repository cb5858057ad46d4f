// Talks to the kernel: one request under way, and of each kind the newest that waits.

const PATIENCE = 200; // ms until a spinner shows
const SILENCE = 4000; // ms after which a kernel that never said anything will say nothing
const BUSY = 60000; // ms that one which did may be at work

/** Asks for the view; hands each answer to `onReply`, and how the kernel is to `onState`. */
function correspondent({ model, el }, onReply, onState) {
  const me = Math.random().toString(36).slice(2);
  let underway = null, waiting = new Map(), count = 0, heard = false, spinner, silence;
  function send(request) {
    underway = { ...request, view: me, id: ++count };
    clearTimeout(spinner);
    spinner = setTimeout(() => onState("busy"), PATIENCE);
    clearTimeout(silence);
    silence = setTimeout(() => onState("silent"), alone(el) ? 0 : heard ? BUSY : SILENCE);
    try {
      model.send(underway);
    } catch {
      onState("silent");
    }
  }
  function sendNext() {
    const next = waiting.keys().next();
    if (next.done || underway) return;
    const request = waiting.get(next.value);
    waiting.delete(next.value);
    send(request);
  }
  function receive(message, buffers) {
    if (message.view !== me) return;
    heard = true;
    clearTimeout(silence);
    if (!underway || message.id !== underway.id) return;
    clearTimeout(spinner);
    onState(message.kind === "failed" ? "failed" : "idle");
    underway = null;
    onReply(message, buffers.length ? floats(buffers[0]) : null);
    sendNext();
  }
  model.on("msg:custom", receive);
  return {
    ask(request) {
      if (!underway) return send(request);
      waiting.delete(request.kind); // so that the newest comes last of its kind
      waiting.set(request.kind, request);
    },
    close() {
      clearTimeout(spinner);
      clearTimeout(silence);
      model.off("msg:custom", receive);
    },
  };
}
