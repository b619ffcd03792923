"""Asks an agent through rhasspy-hermes and paho-mqtt, and prints what their own classes read back.

usage: hermes_client.py PORT TEXT...
"""

import json
import sys
import threading

import paho.mqtt.client as mqtt
from rhasspyhermes.nlu import NluError, NluIntent, NluIntentNotRecognized, NluIntentParsed, NluQuery

port, texts = int(sys.argv[1]), sys.argv[2:]
heard = []
enough = threading.Event()


def on_connect(client, *_):
    client.subscribe([("hermes/intent/#", 1), ("hermes/nlu/#", 1), ("hermes/error/nlu", 1)])


def on_subscribe(client, *_):
    for number, text in enumerate(texts):
        query = NluQuery(
            input=text, site_id="kitchen", id=str(number), session_id="session", wakeword_id="porcupine", lang="en"
        )
        client.publish(query.topic(), query.payload(), qos=1)


def read(topic, payload):
    if NluIntent.is_topic(topic):
        intent = NluIntent.from_json(payload)
        return {"class": "NluIntent", "intent": intent.intent.intent_name, "raw": intent.raw_input,
                "confidence": intent.intent.confidence_score, "slots": intent.slots, "lang": intent.lang,
                "site": intent.site_id, "session": intent.session_id, "wakeword": intent.wakeword_id, "id": intent.id}
    for kind in (NluIntentParsed, NluIntentNotRecognized, NluError):
        if kind.is_topic(topic):
            message = kind.from_json(payload)
            return {"class": kind.__name__, "site": message.site_id, "session": message.session_id,
                    "id": getattr(message, "id", None)}
    return None


def on_message(_client, _userdata, message):
    parsed = read(message.topic, message.payload.decode())
    if parsed is not None:
        heard.append(parsed)
    # A recognised query is answered on two topics, the others on one.
    answered = {entry["id"] for entry in heard if entry["class"] != "NluIntentParsed"}
    parsed_too = {entry["id"] for entry in heard if entry["class"] == "NluIntentParsed"}
    wanted = {entry["id"] for entry in heard if entry["class"] == "NluIntent"}
    if len(answered) == len(texts) and wanted <= parsed_too:
        enough.set()


client = mqtt.Client()
client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
client.connect("127.0.0.1", port)
client.loop_start()
complete = enough.wait(20)
client.loop_stop()
print(json.dumps(heard))
sys.exit(0 if complete else 1)
