//! Under which address others reach this program.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

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
}
