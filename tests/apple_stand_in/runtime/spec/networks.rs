//! `--network` (§2.1, §4.1).

use crate::runtime::failure::{Code, Failure};

/// A network that a container asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NetworkUse {
    /// Its name.
    pub(crate) name: String,
    /// The hardware address asked for.
    pub(crate) mac: Option<String>,
    /// The MTU asked for.
    pub(crate) mtu: u32,
}

/// The MTU of every interface unless another is asked for.
const MTU: u32 = 1280;

/// Reads all `--network` values. None at all is `default`; `none` alone is no network.
pub(crate) fn networks(raw: &[String]) -> Result<Vec<NetworkUse>, Failure> {
    let uses: Vec<NetworkUse> = raw
        .iter()
        .map(|text| network(text))
        .collect::<Result<_, _>>()?;
    if uses.is_empty() {
        return Ok(vec![network("default")?]);
    }
    if !uses.iter().any(|network| network.name == "none") {
        return Ok(uses);
    }
    if uses.len() > 1 {
        return Err(Failure::new(
            Code::Unsupported,
            "no other networks may be created along with network none",
        ));
    }
    Ok(Vec::new())
}

fn network(text: &str) -> Result<NetworkUse, Failure> {
    if text.is_empty() {
        return Err(Failure::invalid("network specification cannot be empty"));
    }
    let mut parts = text.split(',');
    let name = parts.next().unwrap_or_default().to_owned();
    if name.is_empty() {
        return Err(Failure::invalid("network name cannot be empty"));
    }
    let mut network = NetworkUse {
        name,
        mac: None,
        mtu: MTU,
    };
    for part in parts {
        property(&mut network, part, text)?;
    }
    Ok(network)
}

fn property(network: &mut NetworkUse, part: &str, text: &str) -> Result<(), Failure> {
    let pair: Vec<&str> = part.split('=').collect();
    let [key, value] = pair.as_slice() else {
        return Err(Failure::invalid(format!(
            "invalid property format '{part}' in network specification '{text}'"
        )));
    };
    match *key {
        "mac" => {
            if value.is_empty() {
                return Err(Failure::invalid("mac address value cannot be empty"));
            }
            if !is_mac(value) {
                return Err(Failure::invalid(format!("invalid mac address: {value}")));
            }
            network.mac = Some((*value).to_owned());
        }
        "mtu" => {
            let mtu = value
                .parse()
                .ok()
                .filter(|mtu| (1280..=65535).contains(mtu));
            network.mtu = mtu.ok_or_else(|| {
                Failure::invalid(format!(
                    "invalid mtu value '{value}': must be between 1280 and 65535"
                ))
            })?;
        }
        _ => {
            return Err(Failure::invalid(format!(
                "unknown network property '{key}'. Available properties: mac, mtu"
            )));
        }
    }
    Ok(())
}

fn is_mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split([':', '-']).collect();
    parts.len() == 6
        && parts
            .iter()
            .all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let failure = networks(&[text.to_owned()]).unwrap_err();
        assert_eq!(failure.text().as_deref(), Some(expected), "{text}");
    }

    #[test]
    fn a_network_has_a_name_and_properties() {
        let read = networks(&["a,mac=02:42:ac:11:00:02,mtu=1500".into(), "b".into()]).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].mac.as_deref(), Some("02:42:ac:11:00:02"));
        assert_eq!((read[0].mtu, read[1].mtu), (1500, 1280));
        assert_eq!(networks(&[]).unwrap()[0].name, "default");
        assert_eq!(networks(&["none".into()]).unwrap(), []);
        assert!(networks(&["none".into(), "a".into()]).is_err());
        refused("", "network specification cannot be empty");
        refused(",mtu=1500", "network name cannot be empty");
        refused(
            "a,mtu=1279",
            "invalid mtu value '1279': must be between 1280 and 65535",
        );
        refused(
            "a,ip=1.2.3.4",
            "unknown network property 'ip'. Available properties: mac, mtu",
        );
        refused(
            "a,mac",
            "invalid property format 'mac' in network specification 'a,mac'",
        );
    }
}
