// What stands beside the map: the picture whose patches are the tokens, or the frames.

function buildBeside(view) {
  const { model, listen, atEnd } = view;
  if (!model.get("picture").byteLength) return;
  const image = new Image();
  const address = URL.createObjectURL(new Blob([model.get("picture")], { type: "image/png" }));
  listen(image, "load", () => {
    view.side = model.get("grid").length ? patchwork(view, image) : filmstrip(view, image);
    drawChoice(view);
  });
  image.src = address;
  atEnd(() => URL.revokeObjectURL(address));
}

/** The row's weights laid over the picture; a click on a patch chooses it as the query. */
function patchwork(view, image) {
  const { model, body, listen } = view;
  const [down, across] = model.get("grid"), places = model.get("places");
  const size = SIDE / Math.max(down, across);
  const context = canvas(body, across * size, down * size, "attn-side");
  const order = new Map(places.map((spot, token) => [spot, token]));
  const corner = (token) => [(places[token] % across) * size, Math.floor(places[token] / across) * size];
  listen(context.canvas, "click", (event) => {
    const spot = Math.floor(event.offsetY / size) * across + Math.floor(event.offsetX / size);
    if (order.has(spot)) choose(view, { query: order.get(spot) });
  });
  return (weights, row) => {
    context.drawImage(image, 0, 0, across * size, down * size);
    const most = weights && mostOf(weights);
    weights?.forEach((value, token) => {
      const [r, g, b] = colourOf(value, most, false);
      context.fillStyle = `rgba(${r}, ${g}, ${b}, 0.62)`;
      context.fillRect(...corner(token), size, size);
    });
    context.strokeStyle = MARK;
    context.lineWidth = 3;
    const [left, top] = corner(row);
    context.strokeRect(left + 1, top + 1, size - 2, size - 2);
  };
}

/** Thumbnails of the frames, lit as the row's weights are. */
function filmstrip(view, image) {
  const { model, body, rows, cols } = view;
  const [count, wide, high] = model.get("thumbnails");
  const room = Math.min(SIDE * 1.5, body.clientWidth || SIDE * 1.5);
  const across = Math.max(1, Math.floor(room / (wide + 2)));
  const context = canvas(body, across * (wide + 2), Math.ceil(count / across) * (high + 2), "attn-side");
  return (weights, row) => {
    context.clearRect(0, 0, 2000, 2000);
    const most = weights && mostOf(weights);
    for (let thumb = 0; thumb < count; thumb++) {
      const [first, last] = [thumb, thumb + 1].map((edge) => Math.floor((edge * cols) / count));
      const light = weights ? Math.max(...weights.subarray(first, Math.max(first + 1, last))) / most : 1;
      const [px, py] = [(thumb % across) * (wide + 2) + 1, Math.floor(thumb / across) * (high + 2) + 1];
      context.globalAlpha = 0.15 + 0.85 * light;
      context.drawImage(image, thumb * wide, 0, wide, high, px, py, wide, high);
      context.globalAlpha = 1;
      if (Math.floor(((row + 1) * count - 1) / rows) !== thumb) continue;
      context.strokeStyle = MARK;
      context.lineWidth = 2;
      context.strokeRect(px, py, wide, high);
    }
  };
}
