//! The service under test, its people, its mailbox and its fake peer.

mod fake_products;
mod reply;

use std::collections::{BTreeMap, HashMap};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt;
use mall_auth::{IDENTITY_HEADER, Identity, InternalKeys, TokenKeys};
use mall_clock::{Clock, MockClock};
use mall_db::{Db, TxError};
use mall_service::{Span, Stack};
use mall_telemetry::metrics::Metrics;
use mall_testkit::mail::MailCatcher;
use mall_testkit::{SchemaGuard, Scratch, eventually, fresh_schema, redis_url};
use mall_types::{ProductId, Role, UserId};
use mall_users::{
    EncryptionConfig, MIGRATIONS, MailEncryption, MailServer, MailsPerAddress, PasswordConfig,
    Setup, State, UsersConfig, router,
};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;

pub use fake_products::FakeProducts;
pub use reply::Reply;

pub const PASSWORD: &str = "Abcdefg1!";
pub const SOON: Duration = Duration::from_secs(15);

pub struct TestApp {
    pub state: State,
    pub db: Db,
    pub redis: ConnectionManager,
    pub clock: Arc<MockClock>,
    pub products: Arc<FakeProducts>,
    pub tokens: TokenKeys,
    pub config: UsersConfig,
    keys: InternalKeys,
    app: Router,
    mail: MailAddress,
    _relay: DropGuard,
    _schema: SchemaGuard,
}

/// Where the mail server is, or will be.
struct MailAddress {
    address: SocketAddr,
    folder: Scratch,
    catcher: Mutex<Option<MailCatcher>>,
}

/// How a test's service differs from the usual one.
pub struct Options {
    pub config: UsersConfig,
    pub local: bool,
    pub mail_is_there: bool,
    pub mail_encryption: MailEncryption,
    pub redis_is_there: bool,
    /// A Redis of the test's own.
    pub redis_url: Option<String>,
    pub database_is_there: bool,
}

impl Default for Options {
    fn default() -> Self {
        let wait = Span::secs(60);
        let password = PasswordConfig {
            max_length: 256,
            memory_kib: 64,
            iterations: 1,
            parallel: 2,
            wait,
        };
        let encryption = EncryptionConfig {
            current: "k1".to_owned(),
            keys: BTreeMap::from([("k1".to_owned(), SecretString::from("a".repeat(32)))]),
            // Tests share Redis, which counts mails by the hash of the address.
            index_secret: Some(SecretString::from(format!(
                "{:032x}",
                rand::random::<u128>()
            ))),
        };
        let config = UsersConfig {
            gateway_url: "http://mall.test:8080/".to_owned(),
            store_registration_number: false,
            max_wishes: 3,
            access_token_life: Span::secs(3600),
            refresh_token_life: Span::secs(7 * 24 * 3600),
            verification_key_life: Span::secs(600),
            refresh_race: Span::secs(5),
            mails_per_address: MailsPerAddress {
                most: 5,
                within: Span::secs(3600),
            },
            mail_from: "Mall <no-reply@mall.example>".to_owned(),
            password,
            encryption,
            admin: None,
        };
        Self {
            config,
            local: true,
            mail_is_there: true,
            mail_encryption: MailEncryption::Off,
            redis_is_there: true,
            redis_url: None,
            database_is_there: true,
        }
    }
}

/// What a request says about its sender.
#[derive(Clone, Default)]
pub struct From<'a> {
    pub identity: Option<Identity>,
    pub cookie: Option<&'a str>,
    pub language: Option<&'a str>,
    pub key: Option<&'a str>,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let schema = fresh_schema("users").await;
        let db = Db::connect_url(&schema.url, 8).unwrap();
        db.migrate(MIGRATIONS).await.unwrap();
        // Tests share Redis, whose keys hold user ids: each test counts from somewhere else.
        let base = rand::random_range(1_000..1_000_000_000_i64);
        execute(&db, format!("ALTER TABLE users AUTO_INCREMENT = {base}")).await;
        let db_of_app = match options.database_is_there {
            true => db.clone(),
            // Port 9 (discard): nothing listens on it.
            false => Db::connect_url("mysql://root@127.0.0.1:9/none", 1).unwrap(),
        };
        let redis = match &options.redis_url {
            Some(url) => redis_at(url),
            None => redis_at(&redis_url().await),
        };
        let redis_of_app = if options.redis_is_there {
            redis.clone()
        } else {
            redis_at("redis://127.0.0.1:9/")
        };
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let mail = MailAddress {
            address,
            folder: Scratch::new("users-mail").unwrap(),
            catcher: Mutex::default(),
        };
        if options.mail_is_there {
            mail.start();
        }
        let clock = MockClock::at("2026-05-01T10:00:00+09:00");
        let products = Arc::new(FakeProducts::default());
        products.known.lock().unwrap().extend([
            (ProductId(1), ("Tee", 12000)),
            (ProductId(3), ("Mug", 5000)),
            (ProductId(4), ("Cap", 9000)),
            (ProductId(5), ("Pin", 900)),
        ]);
        let tokens = TokenKeys::new(&SecretString::from("t".repeat(32))).unwrap();
        let keys = InternalKeys::new(&SecretString::from("k".repeat(32))).unwrap();
        let state = State::new(Setup {
            db: db_of_app,
            redis: redis_of_app,
            clock: clock.clone(),
            products: products.clone(),
            tokens: tokens.clone(),
            mail: MailServer {
                host: "127.0.0.1".to_owned(),
                port: address.port(),
                credentials: None,
                encryption: options.mail_encryption,
            },
            config: options.config.clone(),
            local: options.local,
        })
        .unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(state.relay().run(stop.clone()));
        let stack = Stack {
            name: "application-user",
            keys: Some(keys.clone()),
            clock: clock.clone(),
            metrics: Metrics::new(),
            body_limit: 1 << 16,
        };
        let app = stack.around(router(state.clone()).into());
        let _relay = stop.drop_guard();
        Self {
            state,
            db,
            redis,
            clock,
            products,
            tokens,
            config: options.config,
            keys,
            app,
            mail,
            _relay,
            _schema: schema,
        }
    }

    pub async fn send(
        &self,
        from: From<'_>,
        method: Method,
        path: &str,
        body: impl Into<Body>,
    ) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json");
        if let Some(identity) = &from.identity {
            request = request.header(
                IDENTITY_HEADER,
                self.keys
                    .sign_identity(identity, "application-user", self.clock.now()),
            );
        }
        if let Some(cookie) = from.cookie {
            request = request.header("cookie", cookie);
        }
        if let Some(language) = from.language {
            request = request.header("accept-language", language);
        }
        if let Some(key) = from.key {
            request = request.header("idempotency-key", key);
        }
        let response = self
            .app
            .clone()
            .oneshot(request.body(body.into()).unwrap())
            .await
            .unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Reply {
            status,
            headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(From::default(), Method::POST, path, body.to_string())
            .await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(From::default(), Method::GET, path, Body::empty())
            .await
    }

    /// As somebody whom the gateway let in.
    pub async fn call(
        &self,
        identity: &Identity,
        method: Method,
        path: &str,
        body: Value,
    ) -> Reply {
        let from = From {
            identity: Some(identity.clone()),
            ..From::default()
        };
        let body = if body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        self.send(from, method, path, body).await
    }

    pub async fn sign_up(&self, email: &str) -> Reply {
        self.post(
            "/auth/signup",
            json!({"email": email, "password": PASSWORD}),
        )
        .await
    }

    pub async fn log_in(&self, email: &str, password: &str) -> Reply {
        self.post("/auth/login", json!({"email": email, "password": password}))
            .await
    }

    pub async fn refresh(&self, token: &str) -> Reply {
        let cookie = format!("refresh_token={token}");
        let from = From {
            cookie: Some(&cookie),
            ..From::default()
        };
        self.send(from, Method::POST, "/auth/refresh", Body::empty())
            .await
    }

    pub async fn verify(&self, key: &str) -> Reply {
        self.get(&format!("/auth/signup/email-verifications?key={key}"))
            .await
    }

    /// A shopper who has signed up and opened the mail's link.
    pub async fn given_shopper(&self, email: &str) {
        self.sign_up(email).await.ok();
        let key = self.key_of(email, 1).await;
        self.verify(&key).await.ok();
    }

    /// What the gateway does with an access token: `None` is its 401.
    pub async fn gateway(&self, token: &str) -> Option<Identity> {
        let token = self.tokens.verify_access(token, self.clock.now()).ok()?;
        let mut redis = self.redis.clone();
        let mut exists = redis::cmd("EXISTS");
        exists.arg(format!("mall:ended:{}", token.session));
        let ended: i64 = exists.query_async(&mut redis).await.unwrap();
        (ended == 0).then_some(Identity {
            user: token.user,
            role: token.role,
            session: token.session,
            access_expires_at: token.expires_at,
        })
    }

    /// A shopper who is logged in.
    pub async fn given_logged_in(&self, email: &str) -> Identity {
        self.given_shopper(email).await;
        let reply = self.log_in(email, PASSWORD).await;
        self.gateway(&reply.access_token()).await.unwrap()
    }

    /// The key in the newest of this many mails to an address.
    pub async fn key_of(&self, email: &str, count: usize) -> String {
        let mails = self.mails(email, count).await;
        let mail = mails.last().unwrap();
        let link = mail
            .split("http://mall.test:8080/auth/signup/email-verifications?key=")
            .nth(1)
            .expect(mail);
        link.split('"').next().unwrap().to_owned()
    }

    /// The mails to an address, oldest first, once there are so many.
    pub async fn mails(&self, email: &str, count: usize) -> Vec<String> {
        eventually(SOON, || async {
            let mails = self.mails_now(email);
            if mails.len() >= count {
                Ok(mails)
            } else {
                Err(format!("{} mails", mails.len()))
            }
        })
        .await
    }

    pub fn mails_now(&self, email: &str) -> Vec<String> {
        let mut mails: HashMap<_, _> = std::fs::read_dir(self.mail.folder.path())
            .unwrap()
            .filter_map(|entry| {
                let path = entry.unwrap().path();
                let text = std::fs::read_to_string(&path).ok()?;
                let complete = path.extension().is_some_and(|extension| extension == "eml");
                (complete && text.contains(&format!("To: {}\r\n", email.to_lowercase())))
                    .then_some((path, text))
            })
            .collect();
        let mut names: Vec<_> = mails.keys().cloned().collect();
        names.sort();
        names
            .into_iter()
            .filter_map(|name| mails.remove(&name))
            .collect()
    }

    pub fn start_mail_server(&self) {
        self.mail.start();
    }

    pub async fn pending(&self) -> u64 {
        self.state.relay().pending().await.unwrap()
    }

    pub async fn outbox_is_empty(&self) {
        eventually(SOON, || async {
            match self.pending().await {
                0 => Ok(()),
                left => Err(left),
            }
        })
        .await;
    }

    pub async fn execute(&self, sql: String) {
        execute(&self.db, sql).await;
    }

    /// The one column of the one row.
    pub async fn text(&self, sql: &str) -> Option<String> {
        let sql = sql.to_owned();
        self.db
            .read("test_text", move |conn| {
                let sql = sql.clone();
                Box::pin(async move {
                    let row: Option<(Option<String>,)> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
                        .fetch_optional(conn)
                        .await?;
                    Ok::<_, TxError<std::convert::Infallible>>(row.and_then(|(text,)| text))
                })
            })
            .await
            .unwrap()
    }
}

impl MailAddress {
    fn start(&self) {
        *self.catcher.lock().unwrap() =
            Some(MailCatcher::start(self.address, self.folder.path()).unwrap());
    }
}

pub fn identity(user: i64, role: Role, clock: &dyn Clock) -> Identity {
    Identity {
        user: UserId(user),
        role,
        session: "s".to_owned(),
        access_expires_at: clock.now() + chrono::Duration::hours(1),
    }
}

fn redis_at(url: &str) -> ConnectionManager {
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(1)
        .set_connection_timeout(Some(Duration::from_millis(500)))
        .set_response_timeout(Some(Duration::from_secs(5)));
    ConnectionManager::new_lazy_with_config(redis::Client::open(url).unwrap(), config).unwrap()
}

async fn execute(db: &Db, sql: String) {
    db.run_autocommit("test_execute", move |conn| {
        let sql = sql.clone();
        Box::pin(async move {
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(conn).await?;
            Ok::<_, TxError<std::convert::Infallible>>(())
        })
    })
    .await
    .unwrap();
}
