//! What an agent asks for, in the one typed form that every listener makes and the gate decides.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::host::Host;
use crate::path::Target;
use crate::text::serde_as_text;

/// The longest method: RFC 9110 sets no limit, the IANA registry's longest has 17 characters.
const MAX_METHOD: usize = 32;

/// A request, before anybody has decided about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// How the request travels.
    pub scheme: Scheme,
    /// The method.
    pub method: Method,
    /// The host, as validated; also what is dialled.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// Path and query.
    pub target: Target,
}

/// How a request travels from the sidecar to the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

/// A validated method, kept in its own case: methods are case-sensitive (RFC 9110, section 9.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Method(String);

/// Why a text is not a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a method is a token of at most 32 characters, such as `GET`")]
pub struct InvalidMethod;

impl Scheme {
    /// Returns the port that goes without saying.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Method {
    /// Returns the method as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Intent {
    /// Returns the host and port as a `Host` header has them: the port only where it does not go without saying.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Method {
    type Err = InvalidMethod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The `token` of RFC 9110, section 5.6.2.
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if !text.is_empty() && text.len() <= MAX_METHOD && text.bytes().all(token) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidMethod)
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for Intent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} {}://{}{}",
            self.method,
            self.scheme,
            self.authority(),
            self.target
        )
    }
}

/// Why a text is not an absolute URL that an agent could ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidUrl {
    /// Neither `http://` nor `https://`.
    #[error("the URL does not start with `http://` or `https://`")]
    Scheme,
    /// A user name or password before the host.
    #[error("the URL has user information before the host")]
    UserInfo,
    /// The host is not one.
    #[error("{0}")]
    Host(#[from] crate::host::InvalidHost),
    /// The port is not one.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// The path is not one.
    #[error("{0}")]
    Target(#[from] crate::path::InvalidTarget),
}

/// Reads an absolute URL into scheme, host, port and target; the fragment is not allowed.
pub fn parse_url(text: &str) -> Result<(Scheme, Host, u16, Target), InvalidUrl> {
    let (scheme, rest) = split_scheme(text).ok_or(InvalidUrl::Scheme)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(end).ok_or(InvalidUrl::Scheme)?;
    let (host, port) = parse_authority(authority)?;
    let target = match target.as_bytes().first() {
        None => "/".parse()?,
        Some(b'/') => target.parse()?,
        Some(_) => format!("/{target}").parse()?,
    };
    Ok((scheme, host, port.unwrap_or(scheme.default_port()), target))
}

/// Reads `host` or `host:port`; brackets go around an IPv6 address.
pub fn parse_authority(text: &str) -> Result<(Host, Option<u16>), InvalidUrl> {
    if text.contains('@') {
        return Err(InvalidUrl::UserInfo);
    }
    let colon = text
        .rfind(':')
        .filter(|colon| text.rfind(']').is_none_or(|bracket| bracket < *colon));
    let Some((host, port)) = colon.and_then(|colon| text.split_at_checked(colon)) else {
        return Ok((text.parse()?, None));
    };
    Ok((
        host.parse()?,
        Some(parse_port(port.strip_prefix(':').unwrap_or(port))?),
    ))
}

fn parse_port(text: &str) -> Result<u16, InvalidUrl> {
    // `u16::from_str` takes a leading `+`, and zeros in front would give one port many spellings.
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain).ok_or(InvalidUrl::Port)
}

fn split_scheme(text: &str) -> Option<(Scheme, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    if scheme.eq_ignore_ascii_case("http") {
        Some((Scheme::Http, rest))
    } else if scheme.eq_ignore_ascii_case("https") {
        Some((Scheme::Https, rest))
    } else {
        None
    }
}

serde_as_text!(Method);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Option<&str>) {
        let shown = parse_url(url).ok().map(|(scheme, host, port, target)| {
            Intent {
                scheme,
                method: "GET".parse().unwrap(),
                host,
                port,
                target,
            }
            .to_string()
        });
        assert_eq!(shown.as_deref(), expected, "{url}");
    }

    #[test]
    fn urls_are_read_strictly() {
        check("https://API.test/hello", Some("GET https://api.test/hello"));
        check(
            "http://api.test:8080?x=1",
            Some("GET http://api.test:8080/?x=1"),
        );
        check("HTTPS://api.test:443", Some("GET https://api.test/"));
        check("https://[::1]:8443/a", Some("GET https://[::1]:8443/a"));
        check("https://[::1]/a", Some("GET https://[::1]/a"));
        for bad in [
            "ftp://api.test/",
            "api.test",
            "https://user@api.test/",
            "https://api.test:0/",
            "https://api.test:65537/",
            "https://api.test:+443/",
            "https://api.test:0443/",
            "https://api.test:/",
            "https://api.test./",
            "https://api.test/#frag",
            "https:///path",
            "https://::1/",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn a_method_is_a_token() {
        assert!("GET".parse::<Method>().is_ok());
        for bad in ["", "GE T", "GET\r\n", "G(", &"A".repeat(33)] {
            assert!(bad.parse::<Method>().is_err(), "{bad}");
        }
    }
}
