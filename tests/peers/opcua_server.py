"""An OPC UA server of asyncua. Its nodes are nsu=urn:linetwin:e2e;s=NAME, as requests make them.

Without --security it has none. With it, it has exactly that one endpoint, a certificate of its own in --certificates, and
lets in the user twin, with the password secret or the certificate twin.pem that it makes there, beside anonymous ones.
"""

import argparse
import asyncio
from datetime import datetime, timedelta, timezone
from pathlib import Path

from asyncua import Server, ua
from asyncua.common.structures104 import new_struct, new_struct_field
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server import binary_server_asyncio
from asyncua.server.uaprocessor import UaProcessor
from control import obey
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

NAMESPACE = "urn:linetwin:e2e"


class Nodes:
    """The server's variables."""

    def __init__(self, server, namespace):
        self.server = server
        self.namespace = namespace
        self.types = {}
        self.alarms = {}
        self.clock_off = timedelta(0)

    async def add(self, name, type, value, folder=None):
        """Adds a variable of an OPC UA built-in type, such as Double."""
        self.types[name] = ua.VariantType[type]
        folder = folder or self.server.nodes.objects
        await folder.add_variable(self.node_id(name), self.browse_name(name), value, self.types[name])
        await self.set(name, value)

    async def set(self, name, value, status="Good"):
        """Gives a variable a value that is true now, with a status code by name, such as BadSensorFailure."""
        now = datetime.now(timezone.utc).replace(tzinfo=None) + self.clock_off
        code = ua.StatusCode(getattr(ua.StatusCodes, status))
        variant = ua.Variant(value, self.types[name])
        data = ua.DataValue(Value=variant, StatusCode=code, SourceTimestamp=now, ServerTimestamp=now)
        await self.server.write_attribute_value(self.node_id(name), data)

    async def crowd(self, count):
        """Adds so many variables, item-0 and so on, which count from 0."""
        for item in range(count):
            # asyncua looks at every other node of a folder for each that is added.
            if item % 100 == 0:
                name = f"items-{item}"
                folder = await self.server.nodes.objects.add_folder(self.node_id(name), self.browse_name(name))
            await self.add(f"item-{item}", "Int64", 0, folder)
        self.crowd_size = count

    async def churn(self, changes_per_s):
        """Counts on from now on, one variable of the crowd after the other."""
        self.churning = True
        self.churner = asyncio.create_task(self.count_on(changes_per_s))

    async def count_on(self, changes_per_s):
        count = 0
        while self.churning:
            count += 1
            for item in range(self.crowd_size):
                await self.set(f"item-{item}", count)
                await asyncio.sleep(1 / changes_per_s)

    async def settle(self):
        """Ends that as soon as all have the same count."""
        self.churning = False
        await self.churner

    async def step_clock(self, seconds):
        """From now on the times of values are that much off."""
        self.clock_off = timedelta(seconds=seconds)

    async def add_structure(self, name, fields):
        """Adds a variable that holds a structure of numbers, of a type of its own."""
        members = [new_struct_field(field, ua.VariantType.Double) for field in fields]
        await new_struct(self.server, self.namespace, f"{name}Type", members)
        types = await self.server.load_data_type_definitions()
        value = types[f"{name}Type"](**fields)
        self.types[name] = ua.VariantType.ExtensionObject
        await self.server.nodes.objects.add_variable(self.node_id(name), self.browse_name(name), value)

    async def alarm(self, source, condition, active, message, severity, acked=False):
        """Tells of an alarm condition: that it is active, or no longer. One that is neither active nor to be acknowledged is of
        no interest any more."""
        name = f"{source}.{condition}"
        if name not in self.alarms:
            self.alarms[name] = await self.server.get_event_generator(ua.ObjectIds.AlarmConditionType)
        event = self.alarms[name].event
        event.NodeId, event.SourceName, event.ConditionName = self.node_id(name), source, condition
        event.Message, event.Severity, event.Retain = ua.LocalizedText(message), severity, active or not acked
        for state, value in {"EnabledState": True, "ActiveState": active, "AckedState": acked}.items():
            setattr(event, f"{state}/Id", value)
        await self.alarms[name].trigger()

    async def event(self, source, message, severity):
        """Tells of an event that is no condition."""
        generator = await self.server.get_event_generator()
        generator.event.SourceName, generator.event.Severity = source, severity
        await generator.trigger(message=message)

    async def health(self, state, level):
        """Gives the server a state, 0 for running, and a service level."""
        state, level = ua.Variant(state, ua.VariantType.Int32), ua.Variant(level, ua.VariantType.Byte)
        await self.server.get_node(ua.ObjectIds.Server_ServerStatus_State).write_value(state)
        await self.server.get_node(ua.ObjectIds.Server_ServiceLevel).write_value(level)

    async def sessions(self, count):
        """Waits until clients have that many sessions. Those left behind take half a minute to time out."""
        for _ in range(450):
            found = len(self.server.iserver._external_sessions)
            if found == count:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{found} sessions, expected {count}")

    async def most_sessions(self, count):
        """Checks how many sessions there were at most at once so far, whether activated or not."""
        if Sessions.most != count:
            raise AssertionError(f"{Sessions.most} sessions at once, expected {count}")

    async def lose(self, count, forget):
        """From now on loses that many notifications, and does not even keep them to be asked for again if it is to forget."""
        Losses.left, Losses.forget = count, forget

    async def lost(self):
        """Waits until they are lost."""
        for _ in range(100):
            if not Losses.left:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{Losses.left} notifications are still to be lost")

    def browse_name(self, name):
        return ua.QualifiedName(name, self.namespace)

    def node_id(self, name):
        return ua.NodeId(name, self.namespace)


class Losses:
    """Notifications that never arrive, though the server takes them for sent."""

    left = 0
    forget = False

    @classmethod
    def take(cls, processor, result):
        """Whether this one is lost."""
        if not cls.left or not result.NotificationMessage.NotificationData:
            return False
        cls.left -= 1
        if cls.forget:
            subscription = processor.iserver.subscription_service.subscriptions[result.SubscriptionId]
            subscription._not_acknowledged_results.pop(result.NotificationMessage.SequenceNumber)
        return True


class LossyProcessor(UaProcessor):
    """A connection on which notifications are lost."""

    async def forward_publish_response(self, result, requestdata):
        if Losses.take(self, result):
            # The request is answered by the next notification, so that the client sees only the gap.
            self._publish_requests.appendleft(requestdata)
        else:
            await super().forward_publish_response(result, requestdata)


class Sessions(dict):
    """The sessions of clients, by their authentication token. Knows how many there were at most."""

    most = 0

    def __setitem__(self, token, session):
        super().__setitem__(token, session)
        Sessions.most = max(Sessions.most, len(self))


class Users:
    """Who is let in: anonymous ones, and twin."""

    def __init__(self, certificate):
        self.certificate = certificate

    def get_user(self, iserver, username=None, password=None, certificate=None):
        user = User(role=UserRole.User, name="twin")
        if username is not None:
            return user if (username, password) == ("twin", "secret") else None
        if certificate is None:
            return user
        der = certificate if isinstance(certificate, bytes) else certificate.public_bytes(serialization.Encoding.DER)
        # For an anonymous user asyncua passes the certificate of the application.
        return user if der == self.certificate or b"linetwin@" in der else None


def make_certificate(folder, name, uri, valid_until):
    """Writes NAME.der and NAME.pem, a key of RSA in PKCS #8, unless they are there. Returns the certificate in DER."""
    file = folder / f"{name}.der"
    if not file.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_after(valid_until)
        builder = builder.not_valid_before(valid_until - timedelta(days=3650))
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri), x509.DNSName("localhost")])
        certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
        pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        (folder / f"{name}.pem").write_bytes(key.private_bytes(*pem))
        file.write_bytes(certificate.public_bytes(serialization.Encoding.DER))
    return file.read_bytes()


async def secured(security, folder, valid_days):
    """A server with that endpoint only."""
    now = datetime.now(timezone.utc)
    make_certificate(folder, "server", "urn:linetwin:peer", now + timedelta(days=valid_days))
    user = make_certificate(folder, "twin", "urn:linetwin:user", now + timedelta(days=10))
    server = Server(user_manager=Users(user))
    server.iserver.bind_condition_methods = True
    await server.init()
    await server.set_application_uri("urn:linetwin:peer")
    await server.load_certificate(folder / "server.der")
    await server.load_private_key(folder / "server.pem")
    server.set_security_policy([getattr(ua.SecurityPolicyType, security)])
    server.set_identity_tokens([ua.AnonymousIdentityToken, ua.UserNameIdentityToken, ua.X509IdentityToken])
    return server


def actions(nodes):
    """What can be asked for."""
    return {
        "add": nodes.add,
        "set": nodes.set,
        "add_structure": nodes.add_structure,
        "sessions": nodes.sessions,
        "most_sessions": nodes.most_sessions,
        "lose": nodes.lose,
        "lost": nodes.lost,
        "alarm": nodes.alarm,
        "health": nodes.health,
        "step_clock": nodes.step_clock,
        "event": nodes.event,
        "crowd": nodes.crowd,
        "churn": nodes.churn,
        "settle": nodes.settle,
    }


async def main(port, security, folder, valid_days):
    if security:
        server = await secured(security, folder, valid_days)
    else:
        server = Server()
        server.iserver.bind_condition_methods = True
        await server.init()
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.iserver._external_sessions = Sessions()
    binary_server_asyncio.UaProcessor = LossyProcessor
    nodes = Nodes(server, await server.register_namespace(NAMESPACE))
    async with server:
        await obey(port, actions(nodes))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--security", help="such as Basic256Sha256_SignAndEncrypt")
    parser.add_argument("--certificates", type=Path)
    parser.add_argument("--valid-days", type=float, default=3650, help="how long its certificate is valid from now on")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.port, arguments.security, arguments.certificates, arguments.valid_days))
