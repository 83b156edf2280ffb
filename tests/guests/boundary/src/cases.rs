//! Cases of what crosses the boundary: errors as they were stored, and numbers at their ends.

use case_runner::{Outcome, Wrong, expect, holds};

use crate::bindings::connect::{ConnectionOptions, open_connection};
use crate::bindings::server::start_server;
use crate::bindings::streams::StreamReader;
use crate::bindings::types::{
    Error, IncompleteReadError, LimitOverrunError, OsError, OsErrorKind, SslCertVerificationError, SslError,
};

const OS_ERROR_KINDS: [OsErrorKind; 18] = [
    OsErrorKind::AccessDenied,
    OsErrorKind::AddressInUse,
    OsErrorKind::AddressNotAvailable,
    OsErrorKind::BrokenPipe,
    OsErrorKind::ConnectionAborted,
    OsErrorKind::ConnectionRefused,
    OsErrorKind::ConnectionReset,
    OsErrorKind::FileNotFound,
    OsErrorKind::InvalidArgument,
    OsErrorKind::NameNotResolved,
    OsErrorKind::NotADirectory,
    OsErrorKind::NotConnected,
    OsErrorKind::NotSupported,
    OsErrorKind::OutOfResources,
    OsErrorKind::TemporaryResolverFailure,
    OsErrorKind::TimedOut,
    OsErrorKind::Unreachable,
    OsErrorKind::Other,
];

pub(crate) async fn every_error_comes_back_as_it_was_stored() -> Outcome {
    let os_error = |kind| OsError { kind, message: format!("{kind:?}"), address: Some("[::1]:80".into()) };
    let mut errors = vec![
        Error::ValueError("value".into()),
        Error::RuntimeError("runtime".into()),
        Error::AssertionError("assertion".into()),
        Error::IncompleteReadError(IncompleteReadError { partial: b"some".to_vec(), expected: Some(u32::MAX) }),
        Error::LimitOverrunError(LimitOverrunError { message: "overrun".into(), consumed: u32::MAX }),
        Error::SslError(SslError {
            message: "[SSL: WRONG_VERSION_NUMBER] wrong version number".into(),
            reason: Some("WRONG_VERSION_NUMBER".into()),
        }),
        Error::SslCertVerificationError(SslCertVerificationError {
            message: "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired".into(),
            verify_code: 10,
            verify_message: "certificate has expired".into(),
        }),
        Error::ExceptionGroup(OS_ERROR_KINDS.map(os_error).to_vec()),
        Error::NotImplementedError("not implemented".into()),
        Error::Other("other".into()),
    ];
    errors.extend(OS_ERROR_KINDS.map(os_error).map(Error::OsError));
    for error in errors {
        let reader = StreamReader::create(None)?;
        reader.set_exception(&error);
        expect("exception", reader.exception(), Some(error.clone()))?;
        expect("read", reader.read(1).await, Err(error))?;
    }
    Ok(())
}

pub(crate) async fn numbers_reach_their_ends() -> Outcome {
    let reader = StreamReader::create(Some(u32::MAX))?;
    reader.feed_data(b"12345")?;
    reader.feed_eof();
    let text = "readexactly size can not be less than zero".to_owned();
    expect("the least size", reader.readexactly(i32::MIN).await, Err(Error::ValueError(text)))?;
    expect("the largest count", reader.read(i32::MAX).await?, b"12345".to_vec())?;
    let incomplete = IncompleteReadError { partial: vec![], expected: Some(i32::MAX.unsigned_abs()) };
    let error = Error::IncompleteReadError(incomplete);
    expect("the largest size", reader.readexactly(i32::MAX).await, Err(error))?;
    expect("the least count", reader.read(i32::MIN).await?, vec![])?;

    let server = start_server(vec!["127.0.0.1".into()], 0, None).await?;
    let port = server.sockets().first().map(|address| address.port);
    let (_reader, writer) = open_connection(Some("127.0.0.1".into()), port, None).await?;
    let transport = writer.transport();
    // Four times the low mark is more than the boundary can tell.
    transport.set_write_buffer_limits(None, Some(u32::MAX))?;
    expect("the largest marks", transport.get_write_buffer_limits(), (u32::MAX, u32::MAX))
}

pub(crate) async fn a_delay_is_any_number_that_is_not_negative() -> Outcome {
    let server = start_server(vec!["127.0.0.1".into()], 0, None).await?;
    let port = server.sockets().first().map(|address| address.port);
    let connected = async |delay| {
        let options = ConnectionOptions {
            limit: None,
            family: None,
            proto: None,
            flags: None,
            local_addr: None,
            happy_eyeballs_delay: Some(delay),
            interleave: None,
            all_errors: None,
        };
        open_connection(Some("127.0.0.1".into()), port, Some(options)).await.map(drop)
    };
    for delay in [0.0, 1e-9, 1e300, f64::INFINITY] {
        expect(&format!("a delay of {delay}"), connected(delay).await, Ok(()))?;
    }
    for delay in [-1.0, f64::NEG_INFINITY, f64::NAN] {
        match connected(delay).await {
            Err(Error::ValueError(text)) => {
                holds(&format!("'{text}' does not name it"), text.contains("happy_eyeballs_delay"))?;
            }
            other => return Err(Wrong(format!("a delay of {delay}: {other:?}"))),
        }
    }
    Ok(())
}

/// wasmtime's table of tasks has room for a million.
pub(crate) async fn a_million_calls_that_answer_at_once_leave_nothing() -> Outcome {
    let reader = StreamReader::create(None)?;
    for _ in 0..1_050_000 {
        reader.read(0).await?;
    }
    Ok(())
}
