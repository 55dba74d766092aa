"""What somebody writes who has generated a client of the document; run by python-client.contract.ts."""

import importlib
import json
import pkgutil
import sys
import uuid

folder, base_url, key = sys.argv[1:]
sys.path.insert(0, folder)

import waybill_client  # noqa: E402

modules = [module.name for module in pkgutil.walk_packages(waybill_client.__path__, "waybill_client.")]
for module in modules:
    importlib.import_module(module)

from waybill_client import AuthenticatedClient, models  # noqa: E402
from waybill_client.api.endpoints import create_endpoint, get_endpoint, list_endpoints, update_endpoint  # noqa: E402
from waybill_client.api.fee_schedules import create_fee_schedule  # noqa: E402
from waybill_client.api.merchants import create_merchant  # noqa: E402
from waybill_client.api.messages import publish_message  # noqa: E402
from waybill_client.api.orders import create_order, pay_order  # noqa: E402
from waybill_client.api.reconciliation import reconcile_settlement  # noqa: E402

client = AuthenticatedClient(base_url=base_url, token=key)

new = models.NewEndpoint(
    url="http://127.0.0.1:9/hook",
    event_types=["order.*"],
    retry=models.RetrySchedule(schedule=["5s", "1m"]),
)
endpoint = create_endpoint.sync(client=client, body=new, idempotency_key=str(uuid.uuid4()))
read = get_endpoint.sync_detailed(client=client, id=endpoint.id)
change = models.EndpointChange(description="changed")
etag = read.headers["etag"]
changed = update_endpoint.sync(client=client, id=endpoint.id, body=change, if_match=etag)
stale = update_endpoint.sync_detailed(client=client, id=endpoint.id, body=change, if_match=etag)
refused = list_endpoints.sync(client=client, limit=1000)
message = publish_message.sync(
    client=client, body=models.NewMessage.from_dict({"eventType": "order.created", "payload": {"n": 1}})
)
merchant = create_merchant.sync(client=client, body=models.NewMerchant(name="Tea house"))
create_fee_schedule.sync(client=client, body=models.NewFeeSchedule(currency=models.Currency.EUR, bps=290))
order = create_order.sync(
    client=client,
    body=models.NewOrder(merchant_id=merchant.id, amount="12345", currency=models.Currency.EUR),
    idempotency_key=str(uuid.uuid4()),
)
payment = pay_order.sync(
    client=client,
    id=order.id,
    body=models.PayOrder(source=models.CardSource(type_=models.CardSourceType.CARD, token="tok_ok")),
    idempotency_key=str(uuid.uuid4()),
)

print(
    json.dumps(
        {
            "modules": len(modules),
            "endpoint": [type(endpoint).__name__, endpoint.secret[:6], changed.description],
            "stale": [int(stale.status_code), stale.parsed.title],
            "refused": refused.errors[0].pointer,
            "message": [type(message).__name__, message.delivery_count],
            "payment": [payment.order_id == order.id, payment.amount],
            "reconcile": hasattr(reconcile_settlement, "sync"),
        }
    )
)
