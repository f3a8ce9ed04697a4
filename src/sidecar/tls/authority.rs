//! The bottle's CA, and the certificates that it makes for the hosts an agent asks for.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bottle_contract::host::Host;
use bottle_contract::id::BottleId;
use lru::LruCache;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::ServerConfig;
use rustls::crypto::ring::sign::any_ecdsa_type;
use rustls::server::ServerSessionMemoryCache;
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use thiserror::Error;

use super::provider::{HTTP1, HTTP2, provider};
use crate::limits;

/// The CA of one bottle. Its key is made here and never leaves this value.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    ends: SystemTime,
    leaf_key: KeyPair,
    leaf_signer: Arc<dyn SigningKey>,
    cache: Mutex<LruCache<Host, Minted>>,
}

/// Why a certificate cannot be made.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// The certificate cannot be made.
    #[error("cannot make the certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The certificate cannot be served.
    #[error("cannot serve the certificate: {0}")]
    Tls(#[from] rustls::Error),
}

#[derive(Clone)]
struct Minted {
    config: Arc<ServerConfig>,
    ends: SystemTime,
}

impl Authority {
    /// Makes the CA of a bottle, with a key of its own.
    pub fn new(id: &BottleId) -> Result<Self, AuthorityError> {
        let now = SystemTime::now();
        let ends = now + limits::CA_LIFE;
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(&format!("bottle {id} CA"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = (now - limits::CLOCK_SKEW).into();
        params.not_after = ends.into();
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let pem = params.self_signed(&key)?.pem();
        let leaf_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let leaf_der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
        let capacity = NonZeroUsize::new(limits::CERTIFICATES).unwrap_or(NonZeroUsize::MIN);
        Ok(Self {
            issuer: Issuer::new(params, key),
            pem,
            ends,
            leaf_signer: any_ecdsa_type(&leaf_der)?,
            leaf_key,
            cache: Mutex::new(LruCache::new(capacity)),
        })
    }

    /// Returns the CA certificate (PEM).
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Returns the server side of TLS for a host: from the cache, or with a certificate made now.
    pub fn config_for(&self, host: &Host) -> Result<Arc<ServerConfig>, AuthorityError> {
        let now = SystemTime::now();
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(minted) = cache.get(host).filter(|minted| minted.is_fresh(now)) {
            return Ok(Arc::clone(&minted.config));
        }
        let (leaf, ends) = self.mint(host, now)?;
        let config = Arc::new(self.serve(leaf)?);
        let minted = Minted {
            config: Arc::clone(&config),
            ends,
        };
        cache.put(host.clone(), minted);
        Ok(config)
    }

    /// Makes a certificate for a host. Nearly free: the key is shared, one signature is made.
    pub fn mint(
        &self,
        host: &Host,
        now: SystemTime,
    ) -> Result<(CertificateDer<'static>, SystemTime), AuthorityError> {
        let ends = self.ends.min(now + limits::LEAF_LIFE);
        let mut params = CertificateParams::default();
        // The host stands in the SAN only: a common name has 64 characters at most.
        params.distinguished_name = common_name("bottle");
        params.subject_alt_names = vec![alternative_name(host)?];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_before = (now - limits::CLOCK_SKEW).into();
        params.not_after = ends.into();
        let certificate = params.signed_by(&self.leaf_key, &self.issuer)?;
        Ok((certificate.der().clone(), ends))
    }

    fn serve(&self, leaf: CertificateDer<'static>) -> Result<ServerConfig, rustls::Error> {
        let certified = CertifiedKey::new(vec![leaf], Arc::clone(&self.leaf_signer));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        config.session_storage = ServerSessionMemoryCache::new(limits::SESSIONS);
        Ok(config)
    }
}

impl Minted {
    /// Tells whether it has life enough for one more connection. Near the end of the CA every leaf
    /// is short, so then the margin is none.
    fn is_fresh(&self, now: SystemTime) -> bool {
        self.ends
            .duration_since(now)
            .is_ok_and(|left: Duration| left > limits::LEAF_MARGIN)
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Authority").finish_non_exhaustive()
    }
}

fn common_name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

fn alternative_name(host: &Host) -> Result<SanType, rcgen::Error> {
    Ok(match host {
        Host::Name(name) => SanType::DnsName(name.as_str().try_into()?),
        Host::Address(address) => SanType::IpAddress(canonical(*address)),
    })
}

/// A v4-mapped address is the IPv4 address to every client that checks a certificate.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority() -> Authority {
        Authority::new(&"agent-abc234".parse().unwrap()).unwrap()
    }

    fn contains(haystack: &[u8], needle: &[u8]) -> bool {
        haystack
            .windows(needle.len())
            .any(|window| window == needle)
    }

    fn ca_der(authority: &Authority) -> Vec<u8> {
        use rustls_pki_types::pem::PemObject as _;
        CertificateDer::from_pem_slice(authority.pem().as_bytes())
            .unwrap()
            .to_vec()
    }

    #[test]
    fn the_ca_signs_nothing_but_leaves_and_says_whose_it_is() {
        let authority = authority();
        let der = ca_der(&authority);
        assert!(contains(&der, b"bottle agent-abc234 CA"));
        // basicConstraints (2.5.29.19), critical: CA true, pathLenConstraint 0.
        let constraints = [
            0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x08, 0x30, 0x06, 0x01, 0x01, 0xff, 0x02,
            0x01, 0x00,
        ];
        assert!(contains(&der, &constraints));
    }

    #[test]
    fn the_key_identifiers_of_ca_and_leaf_agree() {
        let authority = authority();
        let ca = ca_der(&authority);
        let host = "api.test".parse().unwrap();
        let (leaf, _) = authority.mint(&host, SystemTime::now()).unwrap();
        // subjectKeyIdentifier (2.5.29.14) holds an octet string with 20 octets.
        let head = [0x55, 0x1d, 0x0e, 0x04, 0x16, 0x04, 0x14];
        let at = ca.windows(head.len()).position(|w| w == head).unwrap() + head.len();
        let subject = &ca[at..at + 20];
        let mut wanted = vec![0x55, 0x1d, 0x23, 0x04, 0x18, 0x30, 0x16, 0x80, 0x14];
        wanted.extend_from_slice(subject);
        assert!(contains(&leaf, &wanted), "the leaf names the CA's key");
    }

    #[test]
    fn a_leaf_is_for_one_host_with_a_key_that_is_not_the_cas() {
        let authority = authority();
        let ca = ca_der(&authority);
        for (host, san) in [
            ("api.test", &b"\x82\x08api.test"[..]),
            ("10.1.2.3", b"\x87\x04\x0a\x01\x02\x03"),
        ] {
            let (leaf, ends) = authority
                .mint(&host.parse().unwrap(), SystemTime::now())
                .unwrap();
            assert!(contains(&leaf, san), "{host}");
            assert!(!contains(&ca, authority.leaf_key.public_key_raw()));
            assert!(contains(&leaf, authority.leaf_key.public_key_raw()));
            assert!(ends <= SystemTime::now() + limits::LEAF_LIFE);
        }
    }

    #[test]
    fn a_leaf_does_not_outlive_the_ca() {
        let authority = authority();
        let late = authority.ends - Duration::from_mins(1);
        let (_, ends) = authority.mint(&"a.test".parse().unwrap(), late).unwrap();
        assert_eq!(ends, authority.ends);
    }

    #[test]
    fn the_cache_serves_the_same_and_stays_bounded() {
        let authority = authority();
        let host: Host = "first.test".parse().unwrap();
        let first = authority.config_for(&host).unwrap();
        assert!(Arc::ptr_eq(&first, &authority.config_for(&host).unwrap()));
        for number in 0..limits::CERTIFICATES {
            let other = format!("h{number}.test").parse().unwrap();
            authority.config_for(&other).unwrap();
        }
        assert_eq!(authority.cache.lock().unwrap().len(), limits::CERTIFICATES);
        assert!(!Arc::ptr_eq(&first, &authority.config_for(&host).unwrap()));
    }
}
