//! Under which address others reach this program.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// Outside of every machine (RFC 5737): the way there is the default route.
const ELSEWHERE: &str = "192.0.2.1:9";

/// The address under which others reach this program, whose registry is at `registry` (`host:port`): the one of the interface
/// that leads there. Where a sidecar answers for the registry on a loopback address (ECS Service Connect, a mesh), that says
/// nothing, and the interface of the default route is it.
pub(crate) fn of_this_program(registry: &str) -> IpAddr {
    let address = towards(registry);
    if address.is_loopback() && !is_here(registry) {
        return towards(ELSEWHERE);
    }
    address
}

/// Whether `host:port` says itself that it is on this machine.
fn is_here(authority: &str) -> bool {
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// The address of the interface that leads to `target` (`host:port`). Nothing is sent: connecting a UDP socket only asks
/// the routing table.
pub(crate) fn towards(target: &str) -> IpAddr {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
        .and_then(|socket| {
            socket.connect(target)?;
            socket.local_addr()
        })
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}

/// `host:port` of a URL.
pub(crate) fn authority(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split('/').next()?.rsplit('@').next()?;
    let port = if scheme == "https" { 443 } else { 80 };
    Some(if host.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:{port}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_of_a_url_is_found() {
        assert_eq!(
            authority("http://u:p@registry:8761/eureka/").as_deref(),
            Some("registry:8761")
        );
        assert_eq!(
            authority("http://registry/eureka/").as_deref(),
            Some("registry:80")
        );
        assert_eq!(authority("registry"), None);
        assert_eq!(towards("127.0.0.1:9"), IpAddr::V4(Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn a_loopback_address_counts_only_where_the_registry_says_so_itself() {
        for here in [
            "localhost:8761",
            "127.0.0.1:8761",
            "127.255.0.2:8761",
            "[::1]:8761",
        ] {
            assert!(is_here(here), "{here}");
            assert!(of_this_program(here).is_loopback(), "{here}");
        }
        assert!(!is_here("registry:8761"));
        // A name that no one knows leads nowhere: it is the default route that tells, where there is one.
        assert_eq!(of_this_program("registry.invalid:8761"), towards(ELSEWHERE));
    }
}
