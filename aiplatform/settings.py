"""The one settings module. Everything a deployment may change is an environment variable read through `env`."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF

from aiplatform import embedded, env
from aiplatform.logging import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
ENVIRONMENT = env.choice("ATRIUM_ENV", "production", ("production", "development", "test"))
DEBUG = ENVIRONMENT == "development"
TESTING = ENVIRONMENT == "test"
DATA_DIR = env.path("ATRIUM_DATA", BASE_DIR / "data")
VERSION = "0.1.0"


def _secret_key() -> str:
    """`SECRET_KEY` from the environment, or one made once and kept in the data folder."""
    if given := env.string("SECRET_KEY"):
        return given
    kept = DATA_DIR / "secret.key"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.touch(mode=0o600)
        kept.write_text(secrets.token_urlsafe(64))
    return kept.read_text()


SECRET_KEY = _secret_key()
SECRET_KEY_FALLBACKS = env.strings("SECRET_KEY_FALLBACKS")  # earlier ones, which still open what they signed and sealed

# --- Where we are reached ---------------------------------------------------------------------------------------
SITE_URL = env.string("SITE_URL", "http://127.0.0.1:8000").rstrip("/")
SITE_NAME = env.string("SITE_NAME", "Atrium")
ALLOWED_HOSTS = env.strings("ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
CSRF_TRUSTED_ORIGINS = env.strings("CSRF_TRUSTED_ORIGINS", (SITE_URL,))
HTTPS = SITE_URL.startswith("https://")
SESSION_ENGINE = "apps.accounts.session_store"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.boolean("BEHIND_PROXY", False) else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# --- Apps, in the order of the import rule ----------------------------------------------------------------------
INSTALLED_APPS = [
    "aiplatform",
    "apps.console",
    "apps.api",
    "apps.studio",
    "apps.conversations",
    "apps.prompts",
    "apps.generations",
    "apps.governance",
    "apps.quotas",
    "apps.moderation",
    "apps.sharing",
    "apps.catalog",
    "apps.projects",
    "apps.accounts",
    "apps.audit",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "channels",
    "csp",
]
MIDDLEWARE = [
    "aiplatform.middleware.request_context",
    "aiplatform.observation.observe",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "apps.accounts.middleware.note_activity",
    "apps.accounts.middleware.leave_by_page",
    "apps.audit.middleware.Refusals",
    "aiplatform.middleware.addresses_are_text",
]
ROOT_URLCONF = "aiplatform.urls"
ASGI_APPLICATION = "aiplatform.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "aiplatform.context.site",
            ],
            "builtins": ["aiplatform.templatetags.ui"],
        },
    }
]
FORM_RENDERER = "aiplatform.forms.Renderer"

# --- PostgreSQL and Redis ---------------------------------------------------------------------------------------
_embedded = embedded.addresses(DATA_DIR)
DATABASE_URL = env.string("DATABASE_URL") or (
    _embedded.database_url if _embedded else f"postgresql://postgres@/atrium?host={DATA_DIR}/postgres"
)
REDIS_URL = env.string("REDIS_URL") or (_embedded.redis_url if _embedded else "redis://127.0.0.1:6379/0")
DB_PREPARED_STATEMENTS = env.boolean("DB_PREPARED_STATEMENTS", True)
DB_POOL_SIZE = env.integer("DB_POOL_SIZE", 0 if TESTING else 16)
DATABASES = {"default": env.database(DATABASE_URL, pool_size=DB_POOL_SIZE, prepared=DB_PREPARED_STATEMENTS)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        # Without a socket timeout of None every idle consumer dies after redis-py's default (channels_redis #422).
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}], "capacity": 500, "prefix": "layer"},
    }
}
CELERY_BROKER_URL = REDIS_URL

# --- People -----------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["apps.accounts.auth_backend.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
PASSWORD_HASHERS = (
    ["django.contrib.auth.hashers.MD5PasswordHasher"]
    if TESTING
    else ["django.contrib.auth.hashers.ScryptPasswordHasher"]
)
LOGIN_REDIRECT_URL = "home"
LOGIN_URL = "account_login"
SETUP_CODE = env.string("SETUP_CODE")  # opens /setup/ while there is no administrator; see `manage.py setup_code`
EMAIL_URL_GIVEN = bool(env.string("EMAIL_HOST"))
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if EMAIL_URL_GIVEN
    else "django.core.mail.backends.locmem.EmailBackend"
    if TESTING
    else "django.core.mail.backends.filebased.EmailBackend"
)
EMAIL_FILE_PATH = DATA_DIR / "mail"
EMAIL_HOST = env.string("EMAIL_HOST")
EMAIL_PORT = env.integer("EMAIL_PORT", 587)
EMAIL_HOST_USER = env.string("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.string("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.boolean("EMAIL_USE_TLS", True)
DEFAULT_FROM_EMAIL = env.string("DEFAULT_FROM_EMAIL", "Atrium <atrium@localhost>")

# --- Sign-in (django-allauth) ------------------------------------------------------------------------------------
ACCOUNT_ADAPTER = "apps.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_DISPLAY = str
ACCOUNT_FORMS = {
    "login": "apps.accounts.forms.sign_in.SignInForm",
    "signup": "apps.accounts.forms.sign_in.SignUpForm",
    "add_email": "apps.accounts.forms.sign_in.AddEmailForm",
    "change_password": "apps.accounts.forms.sign_in.ChangePasswordForm",
    "set_password": "apps.accounts.forms.sign_in.SetPasswordForm",
    "reset_password": "apps.accounts.forms.sign_in.ResetPasswordForm",
    "reset_password_from_key": "apps.accounts.forms.sign_in.ResetPasswordKeyForm",
    "reauthenticate": "apps.accounts.forms.sign_in.ReauthenticateForm",
}
MFA_FORMS = {
    "activate_totp": "apps.accounts.forms.sign_in.ActivateTOTPForm",
    "authenticate": "apps.accounts.forms.sign_in.AuthenticateForm",
    "reauthenticate": "apps.accounts.forms.sign_in.ReauthenticateByCodeForm",
    "add_webauthn": "apps.accounts.forms.sign_in.AddPasskeyForm",
}
# Without a mail server nobody could confirm an address, so it can't be a condition there.
ACCOUNT_EMAIL_VERIFICATION = env.choice(
    "EMAIL_VERIFICATION", "mandatory" if EMAIL_URL_GIVEN else "optional", ("mandatory", "optional", "none")
)
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"[{SITE_NAME}] "
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGIN_ON_PASSWORD_RESET = False
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900  # seconds
# Counted in Redis. The `key` part of login_failed is the email, so it holds however many addresses an attacker has.
ACCOUNT_RATE_LIMITS = {
    "login_failed": "10/m/ip,5/5m/key",
    "setup": "10/m/ip,30/h/key",
    "project_invite": "60/h/user",
    "api_token": "60/m/ip",  # unknown ones
}
API_TOKEN_DAYS = env.integer("API_TOKEN_DAYS", None, minimum=0)  # no token lives longer; 0: there are none
# How many proxies in front of us write X-Forwarded-For; 0: the header is not believed at all.
ALLAUTH_TRUSTED_PROXY_COUNT = env.integer("ALLAUTH_TRUSTED_PROXY_COUNT", 0, minimum=0)
MFA_ADAPTER = "apps.accounts.mfa_adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = SITE_NAME
MFA_TOTP_TOLERANCE = 1  # one step of 30 s either way, for phones whose clock is a little off
MFA_ALLOW_UNVERIFIED_EMAIL = ACCOUNT_EMAIL_VERIFICATION != "mandatory"
USERSESSIONS_ADAPTER = "apps.accounts.session_adapter.SessionAdapter"
# Sign-in through an OpenID Connect provider (Keycloak, Entra, Okta, Google …). All three are needed; the provider must
# allow the redirect address SITE_URL/accounts/oidc/OIDC_ID/login/callback/.
#   OIDC_SERVER_URL     the issuer, e.g. https://id.example.org/realms/main (its /.well-known/… is read)
#   OIDC_CLIENT_ID      OIDC_CLIENT_SECRET    OIDC_NAME  what the button says    OIDC_ID  its part of the address
#   OIDC_TRUST_EMAIL=1  a verified address from this provider signs in to the account that has it
SOCIALACCOUNT_ADAPTER = "apps.accounts.social_adapter.SocialAccountAdapter"
SOCIALACCOUNT_FORMS = {"signup": "apps.accounts.forms.sign_in.SocialSignUpForm"}
SOCIALACCOUNT_PROVIDERS = env.openid_connect()
SOCIALACCOUNT_EMAIL_AUTHENTICATION = env.boolean("OIDC_TRUST_EMAIL", False)
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = SOCIALACCOUNT_EMAIL_AUTHENTICATION

# --- Language, time, static files -------------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = env.path("STATIC_ROOT", BASE_DIR / "static-collected")
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if ENVIRONMENT != "production"
        else "aiplatform.storage.ModuleManifestStorage"
    },
}
WHITENOISE_USE_FINDERS = ENVIRONMENT != "production"
WHITENOISE_AUTOREFRESH = ENVIRONMENT != "production"  # looks files up when asked, not all of them at every start

# --- Models and generation --------------------------------------------------------------------------------------
MODEL_STORE = env.path("MODEL_STORE", DATA_DIR / "models")
HF_HUB_OFFLINE = env.boolean("HF_HUB_OFFLINE", False)  # nothing comes from the hub: the console installs no models
ARTIFACT_STORE = env.path("ARTIFACT_STORE", DATA_DIR / "artifacts")  # pictures; back it up with the database
PICTURE_KEYS = env.path("PICTURE_KEYS", DATA_DIR / "picture-keys")  # what signs downloads as made by a model (C2PA)
MAX_PROMPT_CHARS = env.integer("MAX_PROMPT_CHARS", 100_000, minimum=1)
CONVERSATION_BIN_DAYS = env.integer("CONVERSATION_BIN_DAYS", 7, minimum=1)  # deleted ones can be restored this long
API_KEEP_DAYS = env.integer("API_KEEP_DAYS", 30, minimum=0)  # what programs asked and were answered
ARTIFACT_BIN_DAYS = env.integer("ARTIFACT_BIN_DAYS", 7, minimum=1)  # deleted pictures can be brought back this long
MAX_IMAGE_PIXEL_STEPS = env.integer("MAX_IMAGE_PIXEL_STEPS", 1024 * 1024 * 100, minimum=4096)  # of one picture
MAX_UPLOAD_MB = env.integer("MAX_UPLOAD_MB", 20, minimum=1)  # of one file that people bring along
LEASE_SECONDS = env.integer("LEASE_SECONDS", 20, minimum=1)
HEARTBEAT_SECONDS = env.integer("HEARTBEAT_SECONDS", 5, minimum=1)
MAX_ATTEMPTS = env.integer("MAX_ATTEMPTS", 3, minimum=1)  # lost workers a job survives, less one
MAX_UNFINISHED_JOBS = env.integer("MAX_UNFINISHED_JOBS", 20, minimum=1)  # of one person, waiting ones included
MAX_WAIT_MINUTES = env.integer("MAX_WAIT_MINUTES", 60, minimum=0)  # of work ahead of a new prompt; 0: any
MAX_CONTEXT = env.integer("MAX_CONTEXT", 2048, minimum=64)  # tokens, prompt and completion together
WORKER_SLOTS = env.integer("WORKER_SLOTS", 8, minimum=1)  # completions that one worker makes at once
WORKER_MODELS = env.strings("WORKER_MODELS")  # ids of the HostedModels this worker serves; none named: all
WORKER_DRAIN_SECONDS = env.integer("WORKER_DRAIN_SECONDS", 20, minimum=0)  # a stopping worker finishes what it can
WORKER_METRICS_PORT = env.integer("WORKER_METRICS_PORT", 0, minimum=0)  # 0: the worker serves no metrics
ENGINE_DEVICE = env.string("ENGINE_DEVICE", "auto")  # "none": only models that other servers run, and no torch
ENGINE_DTYPE = env.choice("ENGINE_DTYPE", "auto", ("auto", "float32", "bfloat16", "float16"))
ENGINE_MEMORY_MB = env.integer("ENGINE_MEMORY_MB", 0, minimum=0) or None  # for all models; 0: most of what is free
ENGINE_MAX_RESIDENT = env.integer("ENGINE_MAX_RESIDENT", 0, minimum=0) or None  # models kept loaded; 0: what fits
ENGINE_MAX_ADAPTERS = env.integer("ENGINE_MAX_ADAPTERS", 8, minimum=1)  # LoRA adapters kept loaded beside each of them
ENGINE_MAX_PICTURES = env.integer("ENGINE_MAX_PICTURES", 8, minimum=1)  # that one model draws at once
ENGINE_CHECKPOINT_SECONDS = env.integer("ENGINE_CHECKPOINT_SECONDS", 3, minimum=0)  # between two of a picture
ENGINE_CACHE_MB = env.integer("ENGINE_CACHE_MB", 0, minimum=0) or None  # for keys and values; 0 leaves it to the engine
ENGINE_SHARE_PREFIXES = env.boolean("ENGINE_SHARE_PREFIXES", False)  # of prompts, between projects
ENGINE_ATTENTION = env.choice("ENGINE_ATTENTION", "auto", ("auto", "reference", "gathered", "native", "triton"))
ENGINE_COMPILE = env.choice("ENGINE_COMPILE", "off" if TESTING else "auto", ("auto", "on", "off"))
ENGINE_THREADS = env.integer("ENGINE_THREADS", 0, minimum=0) or None  # CPU threads; 0 leaves it to torch
UPSTREAM_SLOTS = env.integer(
    "UPSTREAM_SLOTS", 32, minimum=1
)  # answers of other servers that one worker follows at once
UPSTREAM_ADDRESSES = env.addresses("UPSTREAM_ALLOWED_NETWORKS")

AUDIT_KEYS = env.path("AUDIT_KEYS", DATA_DIR / "audit")  # what signs the audit log, and the latest signature
METRICS_TOKEN = env.string("METRICS_TOKEN")  # reads /metrics from anywhere; without one only this machine itself does
LOGGING = logging_config(
    level=env.choice("LOG_LEVEL", "WARNING" if TESTING else "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
    style=env.choice("LOG_FORMAT", "json", ("json", "plain")),
)
