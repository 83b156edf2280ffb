//! URLs where `HOST:PORT` was meant.

use url::{Host, Url};

/// What to write in the place of `text`, if it is a URL.
pub(crate) fn written_for(text: &str) -> Option<String> {
    if !text.contains("://") {
        return None;
    }
    let url = Url::parse(text).ok();
    let host = url.as_ref().and_then(Url::host).filter(|host| *host != Host::Domain(""));
    // Of names and addresses, `Url` has the form of a grant.
    Some(match (host, url.as_ref().and_then(Url::port_or_known_default)) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => format!("{host}:PORT"),
        (None, _) => "HOST:PORT, such as example.com:443".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConnectGrant, GrantError};

    #[test]
    fn a_url_is_told_with_what_to_write() {
        for (url, grant) in [
            ("http://x:80", "x:80"),
            ("http://x", "x:80"),
            ("https://Example.com/a:b/c?d#e", "example.com:443"),
            ("https://user:secret@example.com:8443/", "example.com:8443"),
            ("tcp://example.com:5432", "example.com:5432"),
            ("redis://example.com", "example.com:PORT"),
            ("http://[::1]:8080/", "[::1]:8080"),
            ("http://10.0.0.1/", "10.0.0.1:80"),
            ("http://", "HOST:PORT, such as example.com:443"),
            ("http://*:80", "*:80"),
        ] {
            let told = GrantError::Url(url.to_owned(), grant.to_owned());
            assert_eq!(url.parse::<ConnectGrant>(), Err(told), "{url}");
        }
        let told = "http://x:80".parse::<ConnectGrant>().expect_err("it is a URL").to_string();
        assert_eq!(told, "`http://x:80` is a URL, not HOST:PORT: write x:80");
    }

    #[test]
    fn what_is_no_url_is_left_to_others() {
        assert_eq!(written_for("example.com:80"), None);
        assert_eq!(written_for("[::1]:80"), None);
        assert_eq!(written_for("*:*"), None);
    }
}
