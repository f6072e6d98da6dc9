"""Which settings are refused, and why: what would ring a stranger's phone, serve in the open, or rest on a secret anybody knows."""

from urllib.parse import urlsplit

from pydantic import SecretStr

from app.core.errors import InvalidInput
from app.core.i18n import N_
from app.core.settings import Settings
from app.core.settings_calls import AliyunSettings, Provider
from app.core.settings_records import FILING_SECRET_LEAST, ExchangeSettings
from app.core.weak_secrets import weak


def require_sound(settings: Settings) -> None:
    """Refuses, for every command, combinations that could ring a stranger's phone or file what nobody can check."""
    if settings.demo and settings.notify.provider is not Provider.simulator:
        raise InvalidInput(
            "demo-real-phones",
            N_("示范数据中的号码可能属于真人，示范模式下不得真实拨号"),
            N_("关闭 YUANPING_DEMO，或把 YUANPING_NOTIFY__PROVIDER 设为 simulator"),
        )
    if settings.notify.provider is Provider.twilio and not settings.notify.auth_token:
        raise InvalidInput(
            "provider-token-missing",
            N_("使用 twilio 时必须设置 YUANPING_NOTIFY__AUTH_TOKEN"),
            N_("设置令牌后重新启动"),
        )
    if settings.notify.provider is Provider.aliyun:
        require_account(settings.notify.aliyun)
    _require_checkable_filing(settings.exchange)
    if settings.demo and settings.exchange.filing_url is not None:
        raise InvalidInput(
            "demo-real-filing",
            N_("示范模式下的抽取不得向真实平台备案"),
            N_("关闭 YUANPING_DEMO，或去掉 YUANPING_EXCHANGE__FILING_URL"),
        )


def require_fit_to_serve(settings: Settings) -> None:
    """Refuses what must not serve, too: pretend phones outside a demonstration ring no expert at all, and secrets that anybody
    could know protect nobody."""
    require_sound(settings)
    if settings.demo:
        return
    _require_secrets(settings)
    _require_cover(settings)
    if settings.notify.provider is Provider.simulator:
        raise InvalidInput(
            "provider-missing",
            N_("没有设置电话与短信服务商，真实的专家收不到任何通知"),
            N_(
                "正式运行请设置 YUANPING_NOTIFY__PROVIDER=twilio 或 aliyun；试用请运行 yuanping run，或设置 YUANPING_DEMO=true"
            ),
        )


def require_account(aliyun: AliyunSettings) -> None:
    """Refuses an account that could send nothing, and an address where everybody could read along."""
    needed = {
        "ACCESS_KEY_ID": aliyun.access_key_id,
        "ACCESS_KEY_SECRET": aliyun.access_key_secret and aliyun.access_key_secret.get_secret_value(),
        "SIGN_NAME": aliyun.sign_name,
        "CALLED_SHOW_NUMBER": aliyun.called_show_number,
        "TEMPLATES": aliyun.templates,
    }
    missing = [f"YUANPING_NOTIFY__ALIYUN__{name}" for name, value in needed.items() if not value]
    if missing:
        raise InvalidInput(
            "aliyun-incomplete",
            N_("使用 aliyun 时还须设置 {names}"),
            N_("按 docs/notifications.md 的说明补齐后重新启动"),
            names=", ".join(missing),
        )
    for address in (aliyun.sms_endpoint, aliyun.voice_endpoint):
        if not _private_way(address):
            raise InvalidInput(
                "aliyun-endpoint",
                N_("阿里云的接入地址 {address} 不能用"),
                N_("写成 https://主机，不带路径；http 只可用于本机的试验"),
                address=address,
            )


def _require_checkable_filing(exchange: ExchangeSettings) -> None:
    """Refuses an address nothing can be posted to, and one that would get documents nobody can check."""
    if exchange.filing_url is None:
        return
    if not _postable(exchange.filing_url):
        raise InvalidInput(
            "filing-address",
            N_("YUANPING_EXCHANGE__FILING_URL 不是可以投递的地址"),
            N_("写成 https://主机/路径，不含用户名和口令"),
        )
    if not exchange.filing_key:
        raise InvalidInput(
            "filing-secret",
            N_("设置了备案地址，却没有可用的签名密钥 YUANPING_EXCHANGE__FILING_SECRET"),
            N_("设为 whsec_ 加 24 至 64 个随机字节的 base64，并交给接收方"),
        )


def _require_secrets(settings: Settings) -> None:
    """InvalidInput names the first secret that comes out of an example or a test, or is too simple."""
    notify = settings.notify
    token = notify.auth_token.encode() if notify.auth_token else None
    secrets_by_name = {
        "YUANPING_SECRET_KEY / secret.key": (settings.key if settings.has_key else None, 32),
        "YUANPING_MEDIA__TURN_SECRET": (_told(settings.media.turn_secret), 16),
        "YUANPING_EXCHANGE__FILING_SECRET": (settings.exchange.filing_key or None, FILING_SECRET_LEAST),
        "YUANPING_NOTIFY__AUTH_TOKEN": (token, 16),
        "YUANPING_NOTIFY__ALIYUN__ACCESS_KEY_SECRET": (_told(notify.aliyun.access_key_secret), 16),
    }
    for name, (secret, least) in secrets_by_name.items():
        if secret is not None and weak(secret, least):
            raise InvalidInput(
                "secret-weak",
                N_("主密钥或口令 {name} 是示例、测试用的值，或过于简单"),
                N_("删去该设置让系统自动生成，或用 openssl rand 生成新的随机值"),
                name=name,
            )


def _require_cover(settings: Settings) -> None:
    if settings.server.open_plainly and not settings.server.plain_http_ok:
        raise InvalidInput(
            "http-in-the-open",
            N_("服务将以明文 HTTP 向本机以外开放，密码和会话会被途中的人看到"),
            N_(
                "运行 yuanping tls 后用 serve --tls；或在前面放 TLS 代理，设置 YUANPING_SERVER__PUBLIC_URL=https://… 和 YUANPING_SERVER__TRUSTED_PROXIES；封闭网络可设 YUANPING_SERVER__PLAIN_HTTP_OK=true"
            ),
        )


def _told(secret: SecretStr | None) -> bytes | None:
    return None if secret is None else secret.get_secret_value().encode()


def _private_way(address: str) -> bool:
    """Whether it is just a host that is spoken to under TLS, or one on this machine."""
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 -- raises ValueError for what is no port
    except ValueError:
        return False
    if address != f"{parts.scheme}://{parts.netloc}" or not parts.hostname or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost"}
    )


def _postable(url: str) -> bool:
    try:
        address = urlsplit(url)
        named = bool(address.hostname) and address.port != 0 and "@" not in address.netloc
    except ValueError:
        return False
    return named and address.scheme in {"http", "https"}
