"""The questions as plain text: to print, or to read without a screen."""

from attnlib.course.widgets.questions.data import LANGUAGES, check, items

LETTERS = "abcd"
HEADS = {
    "en": ("Ten questions, form {}", "Answers, form {}"),
    "zh": ("十个问题，{} 卷", "答案，{} 卷"),
}
ANSWER = {
    "en": (
        "{number}. {right}. {because}\n"
        "   {belief} shows this belief: {name}\n"
        "   Read again: lesson {lesson}, “{heading}”"
    ),
    "zh": (
        "{number}. {right}。{because}\n"
        "   选 {belief}，反映的误解是：{name}\n"
        "   重读：第 {lesson} 课，“{heading}”"
    ),
}


def as_text(form: str, language: str = "en") -> str:
    """The ten questions of form "A" or "B", in "en" or "zh", without the answers.

    Raises:
        ValueError: for another form or language.
    """
    asked = items(form)
    check("language", language, LANGUAGES)
    parts = [HEADS[language][0].format(form)]
    for number, item in enumerate(asked, 1):
        choices = zip(LETTERS, item["choices"], strict=True)
        lines = [f"   {letter}. {choice[language]}" for letter, choice in choices]
        parts.append("\n".join((f"{number}. {item['stem'][language]}", *lines)))
    return "\n\n".join(parts)


def answers_as_text(form: str, language: str = "en") -> str:
    """The answers to `as_text`: why, the choice that shows the misconception, where to read again.

    Raises:
        ValueError: for another form or language.
    """
    asked = items(form)
    check("language", language, LANGUAGES)
    parts = [HEADS[language][1].format(form)]
    for number, item in enumerate(asked, 1):
        parts.append(
            ANSWER[language].format(
                number=number,
                right=LETTERS[item["right"]],
                because=item["because"][language],
                belief=LETTERS[item["belief"]],
                name=item["name"][language],
                lesson=item["again"]["lesson"][:2],
                heading=item["again"]["heading"],
            )
        )
    return "\n\n".join(parts)
