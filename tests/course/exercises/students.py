"""Three students, who write the pieces of their module each in a way of their own."""

COURSE = {}  # all is borrowed

STEP_BY_STEP = {
    "by_hand.softmax": """
def softmax(scores):
    largest = scores.max(dim=-1, keepdim=True).values
    powers = torch.exp(scores - largest)
    return powers / torch.sum(powers, dim=-1, keepdim=True)
""",
    "by_hand.attend": """
def attend(q, k, v, scale, bias=0):
    scores = torch.matmul(q, k.transpose(-2, -1))
    scores = scores * scale
    scores = scores + bias
    weights = softmax(scores)
    out = torch.matmul(weights, v)
    return out, weights
""",
    "heads.split": """
def split(x, heads):
    width = x.shape[-1] // heads
    x = x.reshape(*x.shape[:-1], heads, width)
    return x.transpose(-3, -2)
""",
    "heads.merge": """
def merge(out, order):
    out = out.transpose(-3, -2)
    if order == "d h":
        out = out.transpose(-2, -1)
    return out.reshape(*out.shape[:-2], -1)
""",
    "blocks.blockify": """
def blockify(x, block_size):
    *front, height, width, channels = x.shape
    rows, columns = height // block_size, width // block_size
    x = x.reshape(*front, rows, block_size, columns, block_size, channels)
    x = x.transpose(-4, -3)
    return x.reshape(*front, rows * columns, block_size * block_size, channels)
""",
    "blocks.MyBlockAttention": """
class MyBlockAttention(nn.Module):
    def __init__(self, dim, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        dim = x.shape[-1]
        qkv = self.qkv(x)
        q = split(qkv[..., :dim], self.num_heads)
        k = split(qkv[..., dim : 2 * dim], self.num_heads)
        v = split(qkv[..., 2 * dim :], self.num_heads)
        out, weights = attend(q, k, v, 1 / math.sqrt(dim // self.num_heads))
        return self.proj(merge(out, "d h"))
""",
    "global_branch.MySelfAttention": """
class MySelfAttention(nn.Module):
    def __init__(self, channels, width, heads, table=None):
        super().__init__()
        self.heads, self.table = heads, table
        self.qkv = nn.Linear(channels, 3 * width, bias=False)
        self.out = nn.Linear(width, channels, bias=False)

    def bias(self, length):
        return 0 if self.table is None else self.table(length).to(self.out.weight)

    def forward(self, x):
        width = self.out.in_features
        rows = F.linear(x, self.qkv.weight).split(width, dim=-1)
        q, k, v = [split(part, self.heads) for part in rows]
        y = attend(q, k, v, scale=1, bias=self.bias(x.shape[0]))[0]
        return self.out(merge(y, "h d"))
""",
    "segments.boundaries": """
def boundaries(length, num_segments):
    size = math.ceil(length / num_segments)
    found = []
    for number in range(num_segments):
        start = min(number * size, length)
        stop = min(start + size, length)
        found.append((start, stop))
    return found
""",
    "segments.local_branch": """
def local_branch(x, branches):
    rows = []
    for number, (start, stop) in enumerate(boundaries(len(x), len(branches))):
        if stop > start:
            rows.append(branches[number](x[start:stop]))
    return torch.cat(rows, dim=0)
""",
    "fusion.fuse": """
def fuse(whole, local, fusion):
    u = whole / whole.norm(dim=-1, keepdim=True)
    v = local / local.norm(dim=-1, keepdim=True)
    ways = {"add": u + v, "mult": u * v, "avg": 0.5 * u + 0.5 * v, "max": torch.maximum(u, v)}
    return ways[fusion]
""",
    "fusion.MyGlobalLocalAttention": """
class MyGlobalLocalAttention(nn.Module):
    def __init__(self, channels, num_segments, heads, fusion, table=None):
        super().__init__()
        self.fusion = fusion
        self.attention = MySelfAttention(channels, channels, heads, table)
        parts = [MySelfAttention(channels, channels // num_segments, 4, table)
                 for _ in range(num_segments)]
        self.local_attention = nn.ModuleList(parts)

    def forward(self, x):
        whole = self.attention(x)
        local = local_branch(x, self.local_attention)
        return fuse(local, whole, self.fusion)
""",
    "positions.absolute": """
def absolute(length, width, freq):
    table = torch.zeros(length, length, dtype=torch.float64)
    for i in range(length):
        for j in range(length - length % 2):
            angle = i / freq ** (2 * (j // 2) / width)
            table[i, j] = math.sin(angle) if j % 2 == 0 else math.cos(angle)
    return table
""",
}

BY_LETTERS = STEP_BY_STEP | {
    "by_hand.softmax": """
def softmax(scores):
    return (scores - scores.logsumexp(-1, keepdim=True)).exp()
""",
    "by_hand.attend": """
def attend(q, k, v, scale, bias=0):
    weights = softmax(scale * torch.einsum("...nd,...md->...nm", q, k) + bias)
    return torch.einsum("...nm,...mc->...nc", weights, v), weights
""",
    "heads.split": """
def split(x, heads):
    return torch.stack(x.chunk(heads, dim=-1), dim=-3)
""",
    "heads.merge": """
def merge(out, order):
    if order == "h d":
        return torch.cat(out.unbind(-3), dim=-1)
    return torch.stack(out.unbind(-3), dim=-1).flatten(-2)
""",
    "segments.local_branch": """
def local_branch(x, branches):
    out = torch.empty_like(x)
    for branch, (start, stop) in zip(branches, boundaries(len(x), len(branches))):
        if start < stop:
            out[start:stop] = branch(x[start:stop])
    return out
""",
    "fusion.fuse": """
def fuse(whole, local, fusion):
    u, v = (x / x.square().sum(-1, keepdim=True).sqrt() for x in (whole, local))
    match fusion:
        case "add":
            return u + v
        case "mult":
            return u * v
        case "avg":
            return torch.stack([u, v]).mean(0)
        case "max":
            return torch.where(u > v, u, v)
""",
}
STUDENTS = {"course": COURSE, "step by step": STEP_BY_STEP, "by letters": BY_LETTERS}
