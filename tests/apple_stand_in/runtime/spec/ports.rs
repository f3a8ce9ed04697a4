//! `--publish` (§2.1).

use std::net::{IpAddr, Ipv4Addr};

use crate::runtime::failure::Failure;

/// A run of published ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// The host's address.
    pub(crate) address: IpAddr,
    /// The first port of the host.
    pub(crate) host: u16,
    /// The first port of the container.
    pub(crate) container: u16,
    /// `tcp` or `udp`.
    pub(crate) protocol: &'static str,
    /// How many ports.
    pub(crate) count: u16,
}

/// Reads all `--publish` values.
pub(crate) fn ports(raw: &[String]) -> Result<Vec<Published>, Failure> {
    let ports: Vec<Published> = raw
        .iter()
        .map(|text| port(text))
        .collect::<Result<_, _>>()?;
    if ports.len() > 64 {
        return Err(Failure::invalid(
            "cannot exceed more than 64 port publish descriptors",
        ));
    }
    for (index, one) in ports.iter().enumerate() {
        if ports
            .iter()
            .skip(index + 1)
            .any(|other| overlap(one, other))
        {
            return Err(Failure::invalid(
                "host ports for different publish port specs may not overlap",
            ));
        }
    }
    Ok(ports)
}

fn overlap(one: &Published, other: &Published) -> bool {
    let end = |ports: &Published| u32::from(ports.host) + u32::from(ports.count);
    one.protocol == other.protocol
        && u32::from(one.host) < end(other)
        && u32::from(other.host) < end(one)
}

fn port(text: &str) -> Result<Published, Failure> {
    let shape = || Failure::invalid(format!("invalid publish value: {text}"));
    let (front, protocol) = match text.rsplit_once('/') {
        Some((front, protocol)) => (front, protocol.to_ascii_lowercase()),
        None => (text, "tcp".to_owned()),
    };
    let protocol = match protocol.as_str() {
        "tcp" => "tcp",
        "udp" => "udp",
        _ => {
            return Err(Failure::invalid(format!(
                "invalid publish protocol: {protocol}"
            )));
        }
    };
    let (front, container) = front.rsplit_once(':').ok_or_else(shape)?;
    let (address, host) = match front.rsplit_once(':') {
        Some((address, host)) => (parse_address(address, text)?, host),
        None => (IpAddr::V4(Ipv4Addr::UNSPECIFIED), front),
    };
    if host.is_empty() {
        return Err(shape());
    }
    let (host_start, host_end) = range(host, "host")?;
    let (container_start, container_end) = range(container, "container")?;
    let count = host_end - host_start;
    if count != container_end - container_start {
        return Err(Failure::invalid(format!(
            "publish host and container port counts are not equal: {host}:{container}"
        )));
    }
    Ok(Published {
        address,
        host: host_start,
        container: container_start,
        protocol,
        count: count.saturating_add(1),
    })
}

fn parse_address(address: &str, text: &str) -> Result<IpAddr, Failure> {
    let bare = address
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match bare {
        Some(bare) => bare
            .parse()
            .map(IpAddr::V6)
            .map_err(|_| Failure::invalid(format!("invalid publish IPv6 address: {text}"))),
        None => address
            .parse()
            .map(IpAddr::V4)
            .map_err(|_| Failure::invalid(format!("invalid publish IPv4 address: {text}"))),
    }
}

/// Reads a port or a range of ports, none of them 0 or 1.
fn range(text: &str, side: &str) -> Result<(u16, u16), Failure> {
    let refused = || Failure::invalid(format!("invalid publish {side} port: {text}"));
    let parts: Vec<&str> = text.split('-').filter(|part| !part.is_empty()).collect();
    let (start, end) = match parts.as_slice() {
        [one] => (*one, *one),
        [start, end] => (*start, *end),
        _ => return Err(refused()),
    };
    let start: u16 = start.parse().map_err(|_| refused())?;
    let end: u16 = end.parse().map_err(|_| refused())?;
    if start <= 1 || start > end {
        return Err(Failure::invalid(format!(
            "invalid publish {side} port range: {text}"
        )));
    }
    Ok((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn accepted(text: &str, expected: (&str, u16, u16, &str, u16)) {
        let port = &ports(&[text.to_owned()]).unwrap()[0];
        let address = port.address.to_string();
        let read = (
            address.as_str(),
            port.host,
            port.container,
            port.protocol,
            port.count,
        );
        assert_eq!(read, expected, "{text}");
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let failure = ports(&[text.to_owned()]).unwrap_err();
        assert_eq!(failure.text().as_deref(), Some(expected), "{text}");
    }

    #[test]
    fn good_ports() {
        accepted("8080:80", ("0.0.0.0", 8080, 80, "tcp", 1));
        accepted("127.0.0.1:8080:80/udp", ("127.0.0.1", 8080, 80, "udp", 1));
        accepted("[::1]:8080:80/TCP", ("::1", 8080, 80, "tcp", 1));
        accepted("9000-9002:80-82", ("0.0.0.0", 9000, 80, "tcp", 3));
    }

    #[test]
    fn bad_ports() {
        refused("80", "invalid publish value: 80");
        refused("0:80", "invalid publish host port range: 0");
        refused("1:80", "invalid publish host port range: 1");
        refused("80:1", "invalid publish container port range: 1");
        refused("80:x", "invalid publish container port: x");
        refused("80:80/sctp", "invalid publish protocol: sctp");
        refused("local:80:80", "invalid publish IPv4 address: local:80:80");
        refused(
            "80-81:80",
            "publish host and container port counts are not equal: 80-81:80",
        );
        refused("82-80:80-82", "invalid publish host port range: 82-80");
    }

    #[test]
    fn ports_of_the_host_do_not_overlap() {
        let two = |one: &str, other: &str| ports(&[one.to_owned(), other.to_owned()]);
        assert!(two("80:80", "80:81").is_err());
        assert!(two("80-90:80-90", "85:81").is_err());
        assert!(two("80:80", "80:80/udp").is_ok());
        assert!(two("80:80", "81:80").is_ok());
    }
}
