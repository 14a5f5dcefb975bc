//! The HTTP client: `reqwest` behind the [`Transport`] trait.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use reqwest::Url;
use reqwest::blocking::{Client, ClientBuilder, Response};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};

use super::copy::{CopyError, failed};
use super::error::FetchError;
use super::lookup::SharedLookups;
use super::netrc::{Netrc, NetrcError};
use super::redact::RedactedUrl;
use super::tls::{ClientCertificate, TlsSettings};
use super::transport::{Transport, TransportRequest, TransportResponse};

/// Which requests go through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyScope {
    /// Requests for `http` URLs.
    Http,
    /// Requests for `https` URLs.
    Https,
    /// All requests.
    All,
}

/// One proxy. The first rule that fits a request wins.
#[derive(Clone, Debug)]
pub struct ProxyRule {
    /// The requests it is for.
    pub scope: ProxyScope,
    /// The proxy's URL, possibly with credentials.
    pub url: RedactedUrl,
    /// Hosts that are reached directly, in the syntax of `NO_PROXY`.
    pub except: Option<String>,
}

/// How the client behaves. Nothing is taken from the environment.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Longest time to make a connection.
    pub connect_timeout: Duration,
    /// Longest time without a byte: from the request to the reply's head, and
    /// between two blocks of the body. There is no limit on the whole.
    pub stall_timeout: Duration,
    /// Longest chain of redirects.
    pub maximum_redirects: usize,
    /// The `User-Agent` field.
    pub user_agent: String,
    /// Proxies, in order.
    pub proxies: Vec<ProxyRule>,
    /// Files of certificates (PEM, any number in a bundle) trusted besides the
    /// system's.
    pub ca_bundles: Vec<PathBuf>,
    /// The file with logins by host; need not exist.
    pub netrc: Option<PathBuf>,
}

impl ClientOptions {
    /// Takes proxies from variables as Python's library does: `http_proxy`, `https_proxy`,
    /// `all_proxy` and `no_proxy`, in lower or upper case. `HTTP_PROXY` is not trusted where
    /// `REQUEST_METHOD` is set, because there a client may have sent it.
    ///
    /// `REQUESTS_CA_BUNDLE` or `CURL_CA_BUNDLE` adds certificates; `SSL_CERT_FILE`, which
    /// replaces the system's, is known to the TLS library.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| {
            variable(name)
                .or_else(|| variable(&name.to_uppercase()))
                .filter(|value| !value.is_empty())
        };
        let except = either("no_proxy");
        let untrusted = variable("REQUEST_METHOD").is_some();
        let scopes = [
            ("http_proxy", ProxyScope::Http),
            ("https_proxy", ProxyScope::Https),
            ("all_proxy", ProxyScope::All),
        ];
        let rule = |(name, scope): (&str, ProxyScope)| {
            let url = if untrusted && scope == ProxyScope::Http {
                variable(name).filter(|value| !value.is_empty())
            } else {
                either(name)
            }?;
            let url = if url.contains("://") {
                url
            } else {
                format!("http://{url}")
            };
            Some(ProxyRule {
                scope,
                url: RedactedUrl::new(url),
                except: except.clone(),
            })
        };
        let bundle = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
            .into_iter()
            .find_map(|name| variable(name).filter(|path| !path.is_empty()));
        Self {
            proxies: scopes.into_iter().filter_map(rule).collect(),
            ca_bundles: bundle.into_iter().map(PathBuf::from).collect(),
            ..Self::default()
        }
    }
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(60),
            maximum_redirects: 10,
            user_agent: concat!("buildout/", env!("CARGO_PKG_VERSION")).to_owned(),
            proxies: Vec::new(),
            ca_bundles: Vec::new(),
            netrc: None,
        }
    }
}

/// An HTTP and HTTPS client with one connection pool for each
/// [`TlsSettings`] and timeout in use.
///
/// A pool's costly part (a thread, the trust store) is made by its first
/// request. It must not be used or dropped inside an asynchronous runtime.
pub struct HttpClient {
    options: ClientOptions,
    pools: Mutex<HashMap<PoolKey, Pool>>,
    netrc: OnceLock<Result<Netrc, SharedError>>,
}

type SharedError = Arc<dyn Error + Send + Sync>;
type Pool = Result<Client, SharedError>;
/// What the connections of a pool have in common.
type PoolKey = (TlsSettings, Option<Duration>);

/// What the client could not be made from.
#[derive(Debug, thiserror::Error)]
enum SetupError {
    #[error(transparent)]
    File(#[from] CopyError),
    #[error("`{}` has no certificate in PEM form", path.display())]
    NoCertificate { path: PathBuf },
    #[error("`{}` is no usable certificate in PEM form", path.display())]
    Certificate {
        path: PathBuf,
        #[source]
        source: reqwest::Error,
    },
    #[error("`{}` is no certificate with a key in PEM form", path.display())]
    Identity {
        path: PathBuf,
        #[source]
        source: reqwest::Error,
    },
    #[error("`{}` is no netrc file: {source}", path.display())]
    Netrc {
        path: PathBuf,
        #[source]
        source: NetrcError,
    },
    #[error(transparent)]
    Client(reqwest::Error),
}

impl From<reqwest::Error> for SetupError {
    fn from(error: reqwest::Error) -> Self {
        // A proxy's URL may have a password.
        SetupError::Client(error.without_url())
    }
}

impl HttpClient {
    /// Takes the options; opens nothing yet.
    pub fn new(options: ClientOptions) -> Self {
        Self {
            options,
            pools: Mutex::default(),
            netrc: OnceLock::new(),
        }
    }

    fn client(
        &self,
        tls: TlsSettings,
        stall_timeout: Option<Duration>,
    ) -> Result<Client, FetchError> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools
            .entry((tls, stall_timeout))
            .or_insert_with_key(|(tls, stall_timeout)| {
                build(&self.options_with(*stall_timeout), tls)
                    .map_err(|error| Arc::new(error) as SharedError)
            })
            .clone()
            .map_err(|source| FetchError::Setup { source })
    }

    /// The options for requests whose servers have so long, to reply and to be reached.
    fn options_with(&self, stall_timeout: Option<Duration>) -> ClientOptions {
        let mut options = self.options.clone();
        if let Some(timeout) = stall_timeout {
            options.stall_timeout = timeout;
            options.connect_timeout = options.connect_timeout.min(timeout);
        }
        options
    }

    fn netrc(&self) -> Result<&Netrc, FetchError> {
        self.netrc
            .get_or_init(|| match &self.options.netrc {
                Some(path) => read_netrc(path).map_err(|error| Arc::new(error) as SharedError),
                None => Ok(Netrc::default()),
            })
            .as_ref()
            .map_err(|source| FetchError::Setup {
                source: Arc::clone(source),
            })
    }
}

impl Default for HttpClient {
    fn default() -> Self {
        Self::new(ClientOptions::default())
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpClient")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

fn read_netrc(path: &Path) -> Result<Netrc, SetupError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Netrc::default()),
        Err(error) => return Err(failed("read", path)(error).into()),
    };
    Netrc::parse(&text).map_err(|source| SetupError::Netrc {
        path: path.to_owned(),
        source,
    })
}

/// Returns what a client of these options is built from, for those who speak
/// another protocol over HTTP. It follows no redirects.
///
/// # Errors
///
/// A proxy or a certificate cannot be used.
pub fn client_builder(
    options: &ClientOptions,
    tls: &TlsSettings,
) -> Result<ClientBuilder, FetchError> {
    builder(options, tls).map_err(|error| FetchError::Setup {
        source: Arc::new(error),
    })
}

fn build(options: &ClientOptions, tls: &TlsSettings) -> Result<Client, SetupError> {
    Ok(builder(options, tls)?.build()?)
}

fn builder(options: &ClientOptions, tls: &TlsSettings) -> Result<ClientBuilder, SetupError> {
    // reqwest takes the provider that rustls knows for the whole process; what an
    // embedder has chosen before stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Transparent decompression would change length and checksum of a
    // `.tar.gz`; it is a feature of reqwest that this crate does not enable.
    // `no_proxy` keeps the client from reading the environment.
    let mut builder = Client::builder()
        .no_proxy()
        .dns_resolver(Arc::new(SharedLookups::default()))
        // A redirect need not learn the query of the URL it comes from.
        .referer(false)
        .user_agent(&options.user_agent)
        .connect_timeout(options.connect_timeout)
        // In the blocking client this is a limit on each wait: the head of the
        // reply, then every single read of the body.
        .timeout(options.stall_timeout)
        // Each step of a chain has its own credentials: see `get`.
        .redirect(reqwest::redirect::Policy::none());
    for rule in &options.proxies {
        let url = rule.url.exposed();
        let proxy = match rule.scope {
            ProxyScope::Http => reqwest::Proxy::http(url),
            ProxyScope::Https => reqwest::Proxy::https(url),
            ProxyScope::All => reqwest::Proxy::all(url),
        }?;
        let except = rule
            .except
            .as_deref()
            .and_then(reqwest::NoProxy::from_string);
        builder = builder.proxy(proxy.no_proxy(except));
    }
    let mut certificates = Vec::new();
    for path in options.ca_bundles.iter().chain(&tls.ca_bundle) {
        certificates.extend(read_bundle(path)?);
    }
    if !certificates.is_empty() {
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some(client) = &tls.client {
        builder = builder.identity(read_identity(client)?);
    }
    Ok(builder)
}

fn read_bundle(path: &Path) -> Result<Vec<reqwest::Certificate>, SetupError> {
    let bytes = fs::read(path).map_err(failed("read", path))?;
    let certificates = reqwest::Certificate::from_pem_bundle(&bytes).map_err(|source| {
        SetupError::Certificate {
            path: path.to_owned(),
            source,
        }
    })?;
    if certificates.is_empty() {
        let path = path.to_owned();
        return Err(SetupError::NoCertificate { path });
    }
    Ok(certificates)
}

fn read_identity(client: &ClientCertificate) -> Result<reqwest::Identity, SetupError> {
    let mut pem = Vec::new();
    for path in client.key.iter().chain([&client.certificate]) {
        pem.extend(fs::read(path).map_err(failed("read", path))?);
        pem.push(b'\n');
    }
    reqwest::Identity::from_pem(&pem).map_err(|source| SetupError::Identity {
        path: client.certificate.clone(),
        source,
    })
}

impl Transport for HttpClient {
    fn prepare(&self, tls: &TlsSettings) {
        // Most hosts are not shown a certificate of the client, and few runs set
        // `socket-timeout`.
        let tls = TlsSettings {
            client: None,
            ..tls.clone()
        };
        let _ = self.client(tls, None);
    }

    fn get(&self, request: &TransportRequest) -> Result<TransportResponse, FetchError> {
        let mut url = parse_url(request.url.exposed())?;
        let mut downgraded = false;
        for _ in 0..=self.options.maximum_redirects {
            let response = self.send(&url, request, downgraded)?;
            let Some(next) = redirect_of(&response, &url)? else {
                let timeout = request.stall_timeout.unwrap_or(self.options.stall_timeout);
                return Ok(convert(url.as_str(), response, timeout));
            };
            downgraded |= url.scheme() == "https" && next.scheme() == "http";
            url = next;
        }
        Err(FetchError::TooManyRedirects {
            limit: self.options.maximum_redirects,
        })
    }
}

/// Returns what a reference in a document leads to, as browsers do; nothing if
/// it leads nowhere.
pub fn resolve_reference(document: &RedactedUrl, reference: &str) -> Option<RedactedUrl> {
    let url = Url::parse(document.exposed()).ok()?.join(reference).ok()?;
    Some(RedactedUrl::new(url.as_str()))
}

fn parse_url(text: &str) -> Result<Url, FetchError> {
    let url = Url::parse(text).map_err(|error| FetchError::InvalidUrl {
        detail: match error.to_string() {
            // The words of urllib.
            text if text == "empty host" => "no host given".to_owned(),
            text => text,
        },
    })?;
    check_scheme(&url)?;
    Ok(url)
}

fn check_scheme(url: &Url) -> Result<(), FetchError> {
    if matches!(url.scheme(), "http" | "https") {
        return Ok(());
    }
    Err(FetchError::UnknownScheme {
        scheme: url.scheme().to_owned(),
    })
}

/// Returns where a reply redirects to. The credentials of `url` go along only
/// if scheme, host and port stay the same.
fn redirect_of(response: &Response, url: &Url) -> Result<Option<Url>, FetchError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.headers().get(LOCATION) else {
        return Ok(None);
    };
    let invalid = || FetchError::InvalidResponse {
        detail: "the redirect leads to no URL".to_owned(),
    };
    let location = std::str::from_utf8(location.as_bytes()).map_err(|_| invalid())?;
    let mut next = url.join(location).map_err(|_| invalid())?;
    check_scheme(&next)?;
    let has_own = !next.username().is_empty() || next.password().is_some();
    if !has_own && next.origin() == url.origin() {
        // Both have a host, so that they can have credentials.
        let _ = next.set_username(url.username());
        let _ = next.set_password(url.password());
    }
    Ok(Some(next))
}

fn stall_detail(stall_timeout: Duration) -> String {
    format!("no data for {stall_timeout:?}")
}

/// Returns the reason phrase of a reply in the server's own words.
pub fn reason_phrase(response: &Response) -> String {
    // hyper keeps them only if they are unusual.
    match response.extensions().get::<hyper::ext::ReasonPhrase>() {
        Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
        None => response
            .status()
            .canonical_reason()
            .unwrap_or_default()
            .to_owned(),
    }
}

fn convert(url: &str, response: Response, stall_timeout: Duration) -> TransportResponse {
    let status = response.status();
    let reason = reason_phrase(&response);
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    TransportResponse {
        url: url.into(),
        status: status.as_u16(),
        reason,
        headers,
        body: Box::new(Body {
            response,
            stall_timeout,
        }),
    }
}

/// Tells a timeout from a broken connection, as [`TransportResponse`] promises.
struct Body {
    response: Response,
    stall_timeout: Duration,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.response.read(buffer).map_err(|error| {
            let timed_out = error
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<reqwest::Error>())
                .is_some_and(reqwest::Error::is_timeout);
            if timed_out {
                io::Error::new(io::ErrorKind::TimedOut, stall_detail(self.stall_timeout))
            } else {
                error
            }
        })
    }
}

impl HttpClient {
    /// Sends one request. Credentials are those of the URL, or else the host's
    /// own in the netrc file; none after a redirect gave up encryption.
    fn send(
        &self,
        url: &Url,
        request: &TransportRequest,
        downgraded: bool,
    ) -> Result<Response, FetchError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(name.as_bytes()),
                HeaderValue::from_str(value),
            ) else {
                return Err(FetchError::InvalidResponse {
                    detail: format!("header field `{name}` cannot be sent"),
                });
            };
            headers.insert(name, value);
        }
        let client = self.client(request.tls.for_url(url), request.stall_timeout)?;
        let mut builder = client.get(url.clone()).headers(headers);
        let has_own = !url.username().is_empty() || url.password().is_some();
        if !has_own
            && !downgraded
            && let Some(login) = self.netrc()?.find(url.host_str().unwrap_or_default())
        {
            builder = builder.basic_auth(login.user, Some(login.password));
        }
        builder
            .send()
            .map_err(|error| request_failure(error, &self.options_with(request.stall_timeout)))
    }
}

/// Says why a request of a client with these options got no reply.
pub fn request_failure(error: reqwest::Error, options: &ClientOptions) -> FetchError {
    let error = error.without_url();
    if error.is_timeout() {
        return FetchError::Stalled {
            detail: if error.is_connect() {
                format!("no connection in {:?}", options.connect_timeout)
            } else {
                stall_detail(options.stall_timeout)
            },
        };
    }
    if error.is_builder() {
        return FetchError::InvalidUrl {
            detail: innermost(&error).to_string(),
        };
    }
    let detail = connection_detail(&error);
    // rustls reports through an I/O error that has a kind but no number.
    let is_tls = error.is_connect()
        && chain(&error)
            .filter_map(|cause| cause.downcast_ref::<io::Error>())
            .any(|cause| {
                cause.kind() == io::ErrorKind::InvalidData && cause.raw_os_error().is_none()
            });
    let source = Box::new(error);
    if is_tls {
        FetchError::Tls { detail, source }
    } else {
        FetchError::Connect { detail, source }
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        // An I/O error that wraps another error passes for it, and would hide it.
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        match wrapped {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => (*error).source(),
        }
    })
}

fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    chain(error).last().unwrap_or(error)
}

/// Words a failed connection as Python does: `[Errno N] text`.
fn connection_detail(error: &(dyn Error + 'static)) -> String {
    for cause in chain(error) {
        if let Some(number) = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::raw_os_error)
        {
            let text = io::Error::from_raw_os_error(number).to_string();
            let suffix = format!(" (os error {number})");
            let text = text.strip_suffix(&suffix).unwrap_or(&text);
            return format!("[Errno {number}] {text}");
        }
    }
    let text = innermost(error).to_string();
    // Name resolution has numbers of its own, which std does not pass on.
    let Some(reason) = text.strip_prefix("failed to lookup address information: ") else {
        return text;
    };
    let number = match reason {
        "Name or service not known" => -2,
        "Temporary failure in name resolution" => -3,
        "No address associated with hostname" => -5,
        _ => return reason.to_owned(),
    };
    format!("[Errno {number}] {reason}")
}
