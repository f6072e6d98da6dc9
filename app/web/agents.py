"""What a browser calls itself, in the few words by which its owner recognizes it."""

# Later browsers still claim to be earlier ones: the first name that is found is the true one.
_BROWSERS = (
    ("Edg", "Edge"),
    ("MicroMessenger", "WeChat"),
    ("QQBrowser", "QQ Browser"),
    ("Firefox", "Firefox"),
    ("OPR", "Opera"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
_LONGEST = 24


def in_words(user_agent: str) -> str:
    """`Chrome · Windows`; of a program that is no browser the beginning of its name, of one without a name nothing."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if not browser:
        program = user_agent.split("/", 1)[0].strip()
        browser = "".join(sign for sign in program if sign.isprintable())[:_LONGEST]
    return " · ".join(one for one in (browser, system) if one)
