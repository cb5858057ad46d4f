// What is chosen, as a sentence: it is read aloud.

const grouped = (number) => // 100 000, with thin spaces
  number < 10000 ? String(number) : String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const round = (x) => (x === 0 ? "0" : x < 0.001 ? x.toExponential(1) : x.toFixed(3));

function told(view, weights, seen) {
  const { say, heads, head, query, key } = view;
  const pair = { head, query: quoted(view, "query_names", query), key: quoted(view, "key_names", key) };
  if (!weights && heads > 1) return say("Head {head}: query {query} on key {key}.", pair);
  if (!weights) return say("query {query} on key {key}.", pair);
  const weight = round(weights[key]);
  const here = heads > 1
    ? say("Head {head}: query {query} on key {key}: {weight}.", { ...pair, weight })
    : say("query {query} on key {key}: {weight}.", { ...pair, weight });
  return paragraph(say, here, toldOfLargest(view, weights, seen));
}

function quoted({ model, say }, axis, token) {
  const number = grouped(token);
  return model.get(axis).length ? say("{number} “{name}”", { number, name: nameOf(model, axis, token) }) : number;
}

/** Uniform attention, too, gives nothing to keys that this query may not see: `seen` are others. */
function toldOfLargest(view, weights, seen) {
  const { model, say, cols } = view;
  let top = 0, entropy = 0;
  weights.forEach((value, token) => {
    if (value > weights[top]) top = token;
    if (value > 0) entropy -= value * Math.log(value);
  });
  if (weights[top] === 0) return say("This query gives no key any weight.");
  const found = { weight: round(weights[top]), key: quoted(view, "key_names", top) };
  if (cols === 1 || !model.get("normalised"))
    return say("This query's largest weight is {weight}, on key {key}.", found);
  if (seen === 1)
    return say("This query's largest weight is {weight}, on key {key}; it sees no other key.", found);
  const share = Math.round((100 * entropy) / Math.log(seen));
  if (seen === cols)
    return say(
      "This query's largest weight is {weight}, on key {key}; its entropy is {share}% of uniform attention's.",
      { ...found, share },
    );
  return say(
    "This query's largest weight is {weight}, on key {key}; its entropy is {share}% of uniform attention's on the {seen} keys that it sees.",
    { ...found, share, seen: grouped(seen) },
  );
}
