// Talks to the kernel: one request under way, and of each kind the newest that waits.

const PATIENCE = 200; // ms until a spinner shows
const SILENCE = 4000; // ms after which a kernel that never said anything will say nothing
const BUSY = 60000; // ms that one which did may be at work

/** Says that the kernel is busy, or silent, where its answer takes long. */
function clocks(model, onState) {
  let spinner, silence;
  return {
    start(heard) {
      this.stop();
      spinner = setTimeout(() => onState("busy"), PATIENCE);
      silence = setTimeout(() => onState("silent"), alone(model) ? 0 : heard ? BUSY : SILENCE);
    },
    hear: () => clearTimeout(silence),
    stop() {
      clearTimeout(spinner);
      clearTimeout(silence);
    },
  };
}

/** Asks for the view; hands each answer to `onReply`, and how the kernel is to `onState`. */
function correspondent({ model }, onReply, onState) {
  const me = Math.random().toString(36).slice(2), clock = clocks(model, onState), waiting = new Map();
  let underway = null, count = 0, heard = false;
  function send(request) {
    underway = { ...request, view: me, id: ++count };
    clock.start(heard);
    try {
      model.send(underway);
    } catch {
      onState("silent");
    }
  }
  function sendNext() {
    const [request] = waiting.values();
    if (!request || underway) return;
    waiting.delete(request.kind);
    send(request);
  }
  function receive(message, buffers) {
    if (message.view !== me) return;
    heard = true;
    clock.hear();
    if (!underway || message.id !== underway.id) return;
    clock.stop();
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
      clock.stop();
      model.off("msg:custom", receive);
    },
  };
}
