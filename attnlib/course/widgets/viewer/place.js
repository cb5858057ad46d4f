// The chosen token in the page's address: #row=2&col=3, with its head where there are several, and
// before them the number of the map where the page has several.

const PLACE = /^#(?:map=(\d+)&)?(?:head=(\d+)&)?row=(\d+)&col=(\d+)$/;

function listenToAddress(view) {
  view.address = inAddress(view.stage, view.model, (hash) => openAddress(view, hash));
  view.atEnd(view.address.leave);
}

/** Chooses the place that the address names, if it is in this map. */
function openAddress(view, hash) {
  const found = hash.match(PLACE);
  if (!found) return false;
  const [, map, head = view.head, query, key] = found;
  const mine = map ? Number(map) === view.model.get("number") : view.root === document.querySelector(".attn-view");
  if (mine) choose(view, { head: Number(head), query: Number(query), key: Number(key) });
  return mine;
}

function addressOf({ model, heads, head, query, key }) {
  const several = document.querySelectorAll(".attn-view").length > 1;
  const map = several ? `map=${model.get("number")}&` : "", ofHead = heads > 1 ? `head=${head}&` : "";
  return `#${map}${ofHead}row=${query}&col=${key}`;
}
