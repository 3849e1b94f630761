//! From a plan to bytes: the one encoder behind every transport.

use crate::answer::{Limits, Reply};
use crate::options::ReplyOptions;
use crate::plan::{Data, Item, Plan, Signatory, Signing};
use crate::tail::Refusal;
use dnssec::ZoneSigner;
use dnssec::denial::HASHED_LABEL_OCTETS;
use dnssec::signer::HeldSignatures;
use dnssec::workbench::{Lane, NotSigned};
use wire::message::{Full, OPT_OCTETS, Owner, Query, Section, Writer};
use wire::name::NAME_OCTETS_MAX;
use wire::{Name, RecordType};
use zone::Rrset;

/// Writes the answer. Too long for a datagram: TC and empty sections, since a resolver that sees TC must not rely on what is
/// there (RFC 2181 section 9), and the reply then amplifies nothing.
///
/// # Errors
///
/// [`Refusal::TooLong`] where there is no longer transport to send the client to; without signatures [`Refusal::Unsigned`],
/// [`Refusal::SignOverStream`] or [`Refusal::SigningBusy`].
pub(crate) fn encode(
    plan: &Plan<'_>,
    query: &Query<'_>,
    limits: Limits,
    options: &ReplyOptions<'_>,
    now: u32,
    reply: &mut [u8],
) -> Result<Reply, Refusal> {
    let mut opt = limits.opt(query.edns());
    if let Some(opt) = &mut opt {
        opt.compact_ok = plan.restores_rcode();
    }
    let mut kept = opt.as_ref().map_or(0, |_| OPT_OCTETS + options.octets());
    let mut writer = Writer::new(reply, query.header(), query.question(), limits.reply_octets)?;
    if writer.reserve(kept).is_err() {
        // The longest names leave no room for every option in 512 octets: records come first then, and options that fit.
        kept = OPT_OCTETS;
        writer.reserve(kept)?;
    }
    writer.set_rcode(plan.rcode);
    if plan.is_authoritative {
        writer.set_authoritative();
    }
    let lane = if limits.is_last_resort { Lane::Stream } else { Lane::Datagram };
    let mut encoder = Encoder { plan, writer: &mut writer, now, lane };
    let is_truncated = match encoder.all() {
        Ok(()) => false,
        Err(Unfit::Full) if !limits.is_last_resort => true,
        Err(Unfit::Full) => return Err(Refusal::TooLong),
        Err(Unfit::NotSigned(NotSigned::Impossible)) => return Err(Refusal::Unsigned),
        Err(Unfit::NotSigned(NotSigned::Busy)) if lane == Lane::Datagram => return Err(Refusal::SignOverStream),
        Err(Unfit::NotSigned(NotSigned::Busy)) => return Err(Refusal::SigningBusy),
    };
    if is_truncated {
        writer.set_truncated();
    }
    writer.release(kept);
    if let Some(opt) = &opt {
        writer.opt(opt)?;
        options.write_what_fits(&mut writer);
    }
    Ok(Reply {
        octets: writer.finish(),
        rcode: plan.rcode,
        qtype: Some(query.qtype()),
        is_dnssec_ok: query.is_dnssec_ok(),
        is_truncated,
        refusal: None,
        cookie: options.proof(),
        likeness: plan.likeness,
    })
}

impl From<Full> for Refusal {
    fn from(Full: Full) -> Refusal {
        Refusal::TooLong
    }
}

/// Why an RRset could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unfit {
    Full,
    /// It has no signatures; without them it would be bogus.
    NotSigned(NotSigned),
}

impl From<Full> for Unfit {
    fn from(Full: Full) -> Unfit {
        Unfit::Full
    }
}

impl From<NotSigned> for Unfit {
    fn from(reason: NotSigned) -> Unfit {
        Unfit::NotSigned(reason)
    }
}

struct Encoder<'p, 'w, 'b> {
    plan: &'p Plan<'p>,
    writer: &'w mut Writer<'b>,
    now: u32,
    lane: Lane,
}

impl Encoder<'_, '_, '_> {
    /// Writes all sections. On [`Unfit::Full`] what remains is fit to go out with TC.
    fn all(&mut self) -> Result<(), Unfit> {
        let start = self.writer.mark();
        self.required().inspect_err(|_| self.writer.rollback(start))?;
        let mut glue = Ok(());
        for item in self.plan.glue.iter() {
            // The rest may still fit, but without all of it the child may be out of reach (RFC 9471 section 3.1).
            glue = glue.and(self.put(Section::Additional, item));
        }
        for item in self.plan.additional.iter() {
            let _: Result<(), Unfit> = self.put(Section::Additional, item);
        }
        glue
    }

    fn required(&mut self) -> Result<(), Unfit> {
        let plan = self.plan;
        plan.answer.iter().try_for_each(|item| self.put(Section::Answer, item))?;
        plan.authority.iter().try_for_each(|item| self.put(Section::Authority, item))
    }

    /// Writes one RRset with its signatures, all or nothing.
    fn put(&mut self, section: Section, item: &Item<'_>) -> Result<(), Unfit> {
        let mark = self.writer.mark();
        let mut label = [0; HASHED_LABEL_OCTETS];
        let written = self.rrset(section, item.written_owner(&mut label), item);
        if written.is_err() {
            self.writer.rollback(mark);
        }
        written
    }

    fn rrset(&mut self, section: Section, owner: Owner<'_>, item: &Item<'_>) -> Result<(), Unfit> {
        let rrset: &Rrset = match &item.data {
            Data::Rrset(rrset) => rrset,
            Data::Made(made) => made.rrset(),
            Data::Cname(target) => {
                let target = target.as_wire();
                let encoded = [&(target.len() as u16).to_be_bytes(), target].concat();
                self.writer.rrset(section, owner, RecordType::CNAME, item.ttl, &encoded)?;
                return Ok(());
            }
        };
        let pointer = match item.signing {
            Signing::Alone(_) => None,
            Signing::By(_) | Signing::Unsigned => {
                self.writer.rrset(section, owner, rrset.rtype(), item.ttl, rrset.encoded())?
            }
        };
        let (Signing::By(signatory) | Signing::Alone(signatory)) = item.signing else { return Ok(()) };
        let signatures = match (signatory, &item.data) {
            (Signatory::Stored, _) => HeldSignatures::stored(rrset),
            (Signatory::Keys(signer), Data::Made(made)) => {
                self.plan.bench.signatures_of_made(signer, made, self.now, self.lane)?
            }
            (Signatory::Keys(signer), _) => match signer.ready(rrset, self.now) {
                Some(ready) => ready,
                None => self.sign(signer, rrset, item)?,
            },
        };
        if signatures.encoded.is_empty() {
            // Of what was signed elsewhere all is served that is there.
            return Ok(());
        }
        // RRSIGs have the TTL of what they cover (RFC 4034 section 3).
        match pointer {
            Some(owner) => {
                self.writer.rrset_again(section, owner, RecordType::RRSIG, item.ttl, &signatures.encoded)?;
            }
            None => {
                self.writer.rrset(section, owner, RecordType::RRSIG, item.ttl, &signatures.encoded)?;
            }
        }
        Ok(())
    }

    /// The way of a query that comes before the background signer.
    #[cold]
    fn sign(&self, signer: &ZoneSigner, rrset: &Rrset, item: &Item<'_>) -> Result<HeldSignatures, NotSigned> {
        let mut buffer = [0; NAME_OCTETS_MAX];
        let signed_as = item.owner.source().map_or_else(|| item.owner(&mut buffer), Name::as_wire);
        self.plan.bench.signatures(signer, signed_as, rrset, self.now, self.lane)
    }
}
