//! The reads on a hand-fed buffer, every chunking of the input, and the edges of the limit.

use proptest::prelude::*;

use super::*;

fn core_with(limit: usize, data: &[u8]) -> ReaderCore {
    let mut core = ReaderCore::new(limit);
    core.feed_data(data).expect("the end was not fed yet").now();
    core
}

fn until(separators: &[&str]) -> ReadUntil {
    ReadUntil::new(Separators::new(separators).expect("separators are not empty"))
}

fn line() -> ReadLine {
    ReadLine::default()
}

#[test]
fn read_gives_what_there_is() {
    let mut core = core_with(10, b"abcdef");
    assert_eq!(Read { at_most: 4 }.begin(&mut core), Ok(Some(b"abcd".to_vec())));
    assert_eq!(Read { at_most: 4 }.begin(&mut core), Ok(Some(b"ef".to_vec())));
    assert_eq!(Read { at_most: 0 }.begin(&mut core), Ok(Some(vec![])));
    let mut waiting = Read { at_most: 4 };
    assert_eq!(waiting.begin(&mut core), Ok(None));
    core.feed_eof().now();
    assert_eq!(waiting.step(&mut core), Ok(Some(vec![])));
}

#[test]
fn read_all_goes_on_past_the_limit_and_gives_back_what_it_took_when_cancelled() {
    let mut core = core_with(3, b"abcdefgh");
    let mut all = ReadAll::default();
    assert_eq!(all.begin(&mut core), Ok(None));
    core.feed_data(b"ij").expect("the end was not fed yet").now();
    all.cancel(&mut core);
    assert_eq!(core.buffered(), b"abcdefghij");
    core.feed_eof().now();
    assert_eq!(ReadAll::default().begin(&mut core), Ok(Some(b"abcdefghij".to_vec())));
}

#[test]
fn readexactly_carries_the_partial_bytes_when_the_stream_ends() {
    let mut core = core_with(3, b"abcde");
    assert_eq!(ReadExactly::new(4).and_then(|mut read| read.begin(&mut core)), Ok(Some(b"abcd".to_vec())));
    let mut read = ReadExactly::new(4).expect("4 is not negative");
    assert_eq!(read.begin(&mut core), Ok(None));
    core.feed_eof().now();
    let error = Error::IncompleteRead { partial: b"e".to_vec(), expected: Some(4) };
    assert_eq!(read.step(&mut core), Err(error));
    assert!(core.at_eof());
}

#[test]
fn readexactly_refuses_a_negative_size() {
    let error = Error::Value("readexactly size can not be less than zero".into());
    assert_eq!(ReadExactly::new(-1).map(|_| ()), Err(error));
}

// test_streams.py: test_readuntil_limit_found_sep
#[test]
fn readuntil_over_limit_leaves_buffer_untouched() {
    let mut core = core_with(3, b"some dataAA");
    let overrun = |message: &'static str, consumed| Err(Error::LimitOverrun { message: message.into(), consumed });
    assert_eq!(until(&["AAA"]).begin(&mut core), overrun(NOT_FOUND, 9));
    assert_eq!(core.buffered(), b"some dataAA");
    core.feed_data(b"A").expect("the end was not fed yet").now();
    assert_eq!(until(&["AAA"]).begin(&mut core), overrun(FOUND_TOO_FAR, 9));
    assert_eq!(core.buffered(), b"some dataAAA");
}

#[test]
fn readline_over_limit_drops_the_line_and_keeps_the_rest() {
    let mut core = core_with(4, b"toolong\nok\n");
    assert_eq!(line().begin(&mut core), Err(Error::Value(FOUND_TOO_FAR.into())));
    assert_eq!(line().begin(&mut core), Ok(Some(b"ok\n".to_vec())));
}

#[test]
fn readline_over_limit_without_an_end_clears_the_buffer() {
    let mut core = core_with(4, b"toolong");
    assert_eq!(line().begin(&mut core), Err(Error::Value(NOT_FOUND.into())));
    assert_eq!(core.buffered(), b"");
}

#[test]
fn readline_gives_the_partial_line_at_the_end() {
    let mut core = core_with(10, b"a\nb");
    core.feed_eof().now();
    assert_eq!(line().begin(&mut core), Ok(Some(b"a\n".to_vec())));
    assert_eq!(line().begin(&mut core), Ok(Some(b"b".to_vec())));
    assert_eq!(line().begin(&mut core), Ok(Some(vec![])));
}

#[test]
fn a_stored_exception_comes_before_everything_else() {
    let mut core = core_with(10, b"a\n");
    core.set_exception(Error::Other("gone".into())).now();
    let gone = Err(Error::Other("gone".into()));
    assert_eq!(line().begin(&mut core), gone);
    assert_eq!(Read { at_most: 0 }.begin(&mut core), gone);
    assert_eq!(ReadExactly::new(0).and_then(|mut read| read.begin(&mut core)), gone);
}

#[test]
fn a_second_waiter_is_refused_by_name() {
    let mut core = ReaderCore::new(10);
    let _first = core.begin_wait("read");
    let message = "readuntil() called while another coroutine is already waiting for incoming data";
    assert_eq!(core.begin_wait("readuntil").map(|_| ()), Err(Error::Runtime(message.into())));
}

/// `readuntil` as anybody would write it, given all the data at once: no offsets, no steps.
fn naive_until(data: &[u8], separators: &[Vec<u8>]) -> Option<Vec<u8>> {
    (1..=data.len())
        .find(|&end| separators.iter().any(|one| data[..end].ends_with(one)))
        .map(|end| data[..end].to_vec())
}

proptest! {
    #[test]
    fn readline_is_readuntil_of_a_newline(
        data in proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'\n')], 0..30),
        limit in 1usize..8,
        cuts in proptest::collection::vec(1usize..6, 30),
    ) {
        // What CPython's `readline` makes of a `readuntil`, on the same feeds.
        let (mut core, mut model) = (ReaderCore::new(limit), ReaderCore::new(limit));
        let mut cuts = cuts.into_iter();
        let mut rest = data.as_slice();
        let (mut read, mut until_newline) = (line(), until(&["\n"]));
        loop {
            let got = read.step(&mut core);
            let expected = match until_newline.step(&mut model) {
                Err(Error::IncompleteRead { partial, .. }) => Ok(Some(partial)),
                Err(Error::LimitOverrun { message, consumed }) => {
                    let consumed = consumed as usize;
                    let found = model.buffered().get(consumed) == Some(&b'\n');
                    model.discard(if found { consumed + 1 } else { usize::MAX });
                    Err(Error::Value(message))
                }
                other => other,
            };
            prop_assert_eq!(&got, &expected);
            if got != Ok(None) {
                (read, until_newline) = (line(), until(&["\n"]));
                if core.at_eof() {
                    break;
                }
            } else if rest.is_empty() {
                core.feed_eof().now();
                model.feed_eof().now();
            } else {
                let (now, later) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                core.feed_data(now).expect("the end was not fed yet").now();
                model.feed_data(now).expect("the end was not fed yet").now();
                rest = later;
            }
        }
    }

    #[test]
    fn readuntil_is_the_same_however_the_data_is_cut(
        data in proptest::collection::vec(0u8..4, 0..40),
        separators in proptest::collection::vec(proptest::collection::vec(0u8..4, 1..4), 1..4),
        cuts in proptest::collection::vec(1usize..6, 40),
    ) {
        let mut core = ReaderCore::new(1000);
        let mut read = ReadUntil::new(Separators::new(&separators).expect("separators are not empty"));
        let mut rest = data.as_slice();
        let mut cuts = cuts.into_iter();
        let found = loop {
            if let Some(found) = read.step(&mut core).expect("the limit is far away") {
                break Some(found);
            }
            if rest.is_empty() {
                break None;
            }
            let (now, later) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
            core.feed_data(now).expect("the end was not fed yet").now();
            rest = later;
        };
        prop_assert_eq!(found, naive_until(&data, &separators));
    }
}
