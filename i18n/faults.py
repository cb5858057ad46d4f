"""What of a source cannot be said in another language: glued sentences, and texts nobody says."""

import ast
import re
import string
from collections.abc import Iterator

from i18n.messages import marked

TAG = re.compile(r"<[^>]*>|&\w+;|\{[^{}]*\}")
WORD = r"(?:[A-Za-z]{2,}|[aA])"
# Two words, or a word beside a place. "b h n -> b n h", "q·k" and "num_heads={}" are no language.
NEXT = rf"{WORD}(?![\w.(=])"
TEXT = re.compile(rf"(?<![\w.=]){WORD}[,;:.!?’')]*\s+[‘'(]*(?:{NEXT}|\0)|\0\s+{NEXT}")
STYLE = re.compile(r"^\s*[a-z-]+: [^;]+;?($|\s*[a-z-]+: )")  # CSS
LABEL = re.compile(r"(?<![\w.])[A-Za-z]{3,}(?![\w.(=])")
# What these take is for a machine, whatever its words; what `check_…` takes is for an error.
CODE = {
    *("einsum", "exercise", "excerpt", "rearrange", "reduce", "repeat", "filterwarnings"),
    *("compile", "findall", "search", "match", "sub", "split", "removeprefix", "startswith"),
    *("getattr", "predict"),
}
CODE_NAMES = {"flex_flow", "loc", "textcoords"}  # arguments, attributes, keys of the same sort
# What these take is shown, be it one word.
SHOW = {"annotate", "set_title", "set_xlabel", "set_ylabel", "suptitle", "text"}
SHOW_NAMES = {"description", "label", "title", "tooltip", "xlabel", "ylabel"}
TICKS = {"set_xticks", "set_xticklabels", "set_yticks", "set_yticklabels"}  # a list of them
CONTROLS = {"choice", "fine_slider", "labelled", "slider"}  # the first, which stands beside it


def faults(source: str) -> Iterator[tuple[int, str]]:
    """(line, fault) for each text of a file that a catalogue could not hold, or not give back."""
    tree = ast.parse(source)
    quiet, shown = _quiet(tree), set(_shown(tree))
    for node in ast.walk(tree):
        if marked(node):
            yield from ((node.lineno, fault) for fault in _faults_of_call(node))
        elif _glues(node):
            yield node.lineno, f"glued: {ast.unparse(node)[:60]}"
        elif node not in quiet and (text := _written(node)) is not None:
            words = TAG.sub("", text)
            if TEXT.search(words) and not (STYLE.match(text) or "->" in text):
                yield node.lineno, f"not said: {_shortened(text)}"
            elif node in shown and LABEL.search(words):
                yield node.lineno, f"shown, and not said: {_shortened(text)}"


def _faults_of_call(call):
    name, (message, *_) = call.func.id, call.args or (None,)
    if isinstance(message, ast.Constant) and isinstance(message.value, str):
        yield from _faults_of_places(message.value, call)
    elif name == "N_":
        yield "N_ takes one literal"
    elif not isinstance(message, ast.Name | ast.Attribute | ast.Subscript):
        yield f"glued: say({ast.unparse(message)[:60] if message else ''}) takes one whole message"


def _faults_of_places(message, call):
    given = {keyword.arg for keyword in call.keywords}
    if not given or None in given:  # no values: braces are braces; **values: not known here
        return
    if wanted := {name for _, name, _, _ in string.Formatter().parse(message) if name} ^ given:
        yield f"places and values differ: {sorted(wanted)} in {message[:60]!r}"


def _glues(node):
    """Whether a said text is put together with words, or with another one."""
    if isinstance(node, ast.BinOp | ast.AugAssign):
        return _adds(node) or (isinstance(node.op, ast.Mod) and _holds_said(node))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        text = _written(node.func.value)
        if not text or "\n" in text or "<" in text:
            return False  # lines and markup part whole messages
        return node.func.attr in ("format", "join") and _holds_said(node)
    return isinstance(node, ast.JoinedStr) and _glues_inside(node)


def _adds(node):
    """Whether + stands beside a said text, and no line break does."""
    if not isinstance(node.op, ast.Add):
        return False
    left, right = (node.left, node.right) if isinstance(node, ast.BinOp) else (None, node.value)
    last = left.right if isinstance(left, ast.BinOp) else left
    return (_is_said(last) or _is_said(right)) and "\n" not in map(_written, (last, right))


def _holds_said(node):
    return any(_is_said(inner) for inner in ast.walk(node))


def _glues_inside(node):
    said = [isinstance(part, ast.FormattedValue) and _is_said(part.value) for part in node.values]
    if not any(said):
        return False
    if LABEL.search(TAG.sub("", _written(node))):
        return True
    # Two said texts with nothing but a sign between them: that is `paragraph`, or one message.
    kinds = "".join(_kind(part, is_said) for part, is_said in zip(node.values, said, strict=True))
    return re.search(r"S S|SS", kinds) is not None


def _kind(part, is_said):
    if is_said:
        return "S"
    return " " if isinstance(part, ast.Constant) and not part.value.strip(" ,;:.") else "."


def _is_said(node):
    return marked(node) and node.func.id == "say" or isinstance(node, ast.Name) and node.id == "say"


def _shown(tree):
    """The strings that stand where a reader will see them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if _name(node) in SHOW:
                yield from node.args
            elif _name(node) in CONTROLS:
                yield from node.args[:1]
            elif _name(node) in TICKS:
                yield from (inner for argument in node.args for inner in ast.walk(argument))
            yield from (pair.value for pair in node.keywords if pair.arg in SHOW_NAMES)


def _quiet(tree):
    """All nodes that no reader reads, or that stand inside a message already."""
    quiet = set()
    for node in ast.walk(tree):
        if marked(node):
            quiet |= set(ast.walk(node.args[0])) if node.args else set()
        elif isinstance(node, ast.Raise) or _is_for_a_machine(node):
            quiet |= set(ast.walk(node))
        elif isinstance(node, ast.JoinedStr):  # its parts are read as one text
            quiet |= {part for part in node.values if isinstance(part, ast.Constant)}
            quiet |= {inner for part in node.values for inner in _format(part)}
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            quiet.add(node.value)  # a docstring
        elif isinstance(node, ast.Dict):
            quiet |= {
                value
                for key, value in zip(node.keys, node.values, strict=True)
                if key and _written(key) in CODE_NAMES
            }
    return quiet


def _is_for_a_machine(node):
    if isinstance(node, ast.keyword):
        return node.arg in CODE_NAMES
    if isinstance(node, ast.Assign):
        return getattr(node.targets[0], "attr", None) in CODE_NAMES
    return isinstance(node, ast.Call) and (_name(node) in CODE or _name(node).startswith("check_"))


def _name(call):
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def _format(part):
    spec = getattr(part, "format_spec", None)
    return ast.walk(spec) if spec else ()


def _written(node):
    """The text of a string; of an f-string, NUL for each value; None for anything else."""
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
        return "".join(map(str, parts))
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def _shortened(text):
    return repr(text.strip().replace("\0", "{}")[:60])
