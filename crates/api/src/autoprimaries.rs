//! `autoprimaries` (PDNS-DIALECT section 11).

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use store::{Autoprimary, AutoprimaryChange, StoreError};
use wire::Name;

use crate::call::Call;
use crate::error::{ApiError, invalid};
use crate::state::Api;
use crate::{fields, reply, zone_id};

#[derive(Serialize)]
struct View {
    account: String,
    ip: String,
    nameserver: String,
}

/// `GET`: all of them.
pub(crate) async fn list(api: &Api, _call: &Call) -> Result<Response, ApiError> {
    let all = api.state.store.autoprimaries().await?;
    let view = |Autoprimary { ip, nameserver, account }| View { account, ip, nameserver };
    let views: Vec<View> = all.into_iter().map(view).collect();
    Ok(reply::json(StatusCode::OK, &views))
}

/// `POST`: 201 without a body.
pub(crate) async fn create(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let body = call.json()?;
    let (ip, nameserver) = (fields::string(&body, "ip")?, fields::string(&body, "nameserver")?);
    if ip.is_empty() || nameserver.is_empty() {
        return Err(invalid("ip and nameserver fields must be filled"));
    }
    let ip: std::net::IpAddr = ip.parse().map_err(|_| invalid(format!("ip '{ip}' is not an IP address")))?;
    if let Err(why) = Name::parse(nameserver) {
        return Err(invalid(format!("nameserver '{nameserver}' is not a name: {why}")));
    }
    let new = Autoprimary {
        ip: ip.to_string(),
        nameserver: nameserver.to_owned(),
        account: fields::string_if_any(&body, "account").unwrap_or_default().to_owned(),
    };
    let shown = format!("{} {}", new.ip, new.nameserver);
    match api.state.store.change_autoprimary(AutoprimaryChange::Add(new)).await {
        Err(StoreError::Exists { .. }) => Err(ApiError::Taken(format!("Autoprimary {shown} already exists"))),
        other => {
            other?;
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::CREATED;
            Ok(response)
        }
    }
}

/// `DELETE /IP/NAMESERVER`: 204, also for one that is not there.
pub(crate) async fn delete(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let ip = zone_id::percent_decode(call.segments.first().map_or("", String::as_str))?;
    let nameserver = call.second_segment()?;
    api.state.store.change_autoprimary(AutoprimaryChange::Remove { ip, nameserver }).await?;
    Ok(reply::no_content())
}
