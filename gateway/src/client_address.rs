//! Who is asking: the peer of the connection, or, behind a proxy that the settings trust, whom that proxy names.

use http::HeaderMap;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A range of addresses, `10.0.0.0/8` or a single one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is neither an address nor a network like 10.0.0.0/8");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| bad())?)),
            None => (text, None),
        };
        let address = plain(address.trim().parse().map_err(|_| bad())?);
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most {
            Err(bad())
        } else {
            Ok(Self { address, bits })
        }
    }
}

impl Network {
    fn contains(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                net.to_bits() & mask == ip.to_bits() & mask
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                let mask = u128::MAX
                    .checked_shl(128 - u32::from(self.bits))
                    .unwrap_or(0);
                net.to_bits() & mask == ip.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// An IPv4 address in IPv6 clothes is the IPv4 address.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// What is known of the first hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The shopper's address.
    pub address: IpAddr,
    /// The peer is a trusted proxy, so what it says about scheme and host counts.
    pub through_proxy: bool,
}

/// Reads the client's address. `X-Forwarded-For` is read from the right, up to the first address that is not a trusted
/// proxy's: everything left of it was written by somebody we don't know.
pub fn read(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> Client {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut address = plain(peer);
    if !is_trusted(address) {
        return Client {
            address,
            through_proxy: false,
        };
    }
    let named: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for name in named.into_iter().rev() {
        let Ok(named) = name.trim().parse::<IpAddr>() else {
            break;
        };
        address = plain(named);
        if !is_trusted(address) {
            break;
        }
    }
    Client {
        address,
        through_proxy: true,
    }
}

/// The part of an address that one person holds: a whole IPv4 address, the first half of an IPv6 one.
pub fn household(address: IpAddr) -> IpAddr {
    match plain(address) {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn forwarded(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn networks() {
        let net: Network = "10.0.0.0/8".parse().unwrap();
        assert!(net.contains(ip("10.255.1.2")));
        assert!(!net.contains(ip("11.0.0.1")));
        assert!(!net.contains(ip("::1")));
        assert!(
            "0.0.0.0/0"
                .parse::<Network>()
                .unwrap()
                .contains(ip("203.0.113.9"))
        );
        assert!(
            "127.0.0.1"
                .parse::<Network>()
                .unwrap()
                .contains(ip("127.0.0.1"))
        );
        assert!(
            !"127.0.0.1"
                .parse::<Network>()
                .unwrap()
                .contains(ip("127.0.0.2"))
        );
        assert!(
            "fd00::/8"
                .parse::<Network>()
                .unwrap()
                .contains(ip("fd12::1"))
        );
        for bad in ["", "10.0.0.0/33", "x", "::1/129", "10.0.0.0/-1", "10.0.0/8"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_stranger_names_nobody() {
        let client = read(
            ip("203.0.113.7"),
            &forwarded(&["198.51.100.1"]),
            &["10.0.0.0/8".parse().unwrap()],
        );
        assert_eq!(
            client,
            Client {
                address: ip("203.0.113.7"),
                through_proxy: false
            }
        );
        let client = read(ip("::ffff:203.0.113.7"), &forwarded(&["198.51.100.1"]), &[]);
        assert_eq!(client.address, ip("203.0.113.7"));
    }

    #[test]
    fn behind_trusted_proxies_the_first_stranger_from_the_right_counts() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let read = |values: &[&str]| read(ip("10.0.0.1"), &forwarded(values), &trusted).address;
        assert_eq!(read(&["198.51.100.1"]), ip("198.51.100.1"));
        assert_eq!(
            read(&["1.1.1.1, 198.51.100.1, 10.0.0.2"]),
            ip("198.51.100.1")
        );
        assert_eq!(
            read(&["1.1.1.1", "198.51.100.1", "10.0.0.2"]),
            ip("198.51.100.1")
        );
        assert_eq!(read(&["1.1.1.1, rubbish, 10.0.0.2"]), ip("10.0.0.2"));
        assert_eq!(read(&[]), ip("10.0.0.1"));
    }

    #[test]
    fn an_ipv6_household_is_its_first_half() {
        assert_eq!(household(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_eq!(household(ip("203.0.113.7")), ip("203.0.113.7"));
        assert_eq!(household(ip("::ffff:203.0.113.7")), ip("203.0.113.7"));
    }
}
