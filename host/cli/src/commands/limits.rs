//! The flags of limits: one for each entry of the library's table.

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};
use wasyncio_host::Limits;

/// Limits from flags.
#[derive(Debug, Default)]
pub(super) struct LimitFlags(pub(super) Limits);

impl Args for LimitFlags {
    fn augment_args(command: Command) -> Command {
        let flags = Limits::TABLE.iter().map(|entry| {
            let check = |text: &str| Limits::default().set(entry.name, text).map(|()| text.to_owned());
            let flag = Arg::new(entry.name).long(entry.name).value_name(entry.value).value_parser(check);
            let flag = flag.help(entry.about).help_heading("Limits");
            if entry.details.is_empty() {
                flag
            } else {
                flag.long_help(format!("{}\n\n{}", entry.about, entry.details))
            }
        });
        command.args(flags)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for LimitFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for entry in Limits::TABLE {
            if let Some(text) = matches.get_one::<String>(entry.name) {
                // The parser has set it once before.
                self.0
                    .set(entry.name, text)
                    .map_err(|error| Error::raw(clap::error::ErrorKind::ValueValidation, error))?;
            }
        }
        Ok(())
    }
}
