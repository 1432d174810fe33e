import asyncio
import threading

from gambol.app.web import hub
from gambol.app.web.models import Message, Person


def test_messages_of_any_thread_come_in_order():
    async def listen():
        one = hub.Hub()
        with one.listening() as listener:
            many = [Message(type="edit", seq=k) for k in range(100)]
            thread = threading.Thread(target=lambda: [one.send(m) for m in many])
            thread.start()
            found = [await listener.next(5.0) for _ in many]
            thread.join()
            assert found == many
            assert await listener.next(0.01) is None
        one.send(Message(type="ping"))  # nobody is there
        assert one.people() == []

    asyncio.run(listen())


def test_who_is_too_slow_loads_everything_again(monkeypatch):
    monkeypatch.setattr(hub, "LATE", 10)

    async def listen():
        one = hub.Hub()
        with one.listening() as listener:
            for k in range(11):
                one.send(Message(type="edit", seq=k))
            await asyncio.sleep(0)
            assert (await listener.next(1.0)).type == "reload"
            assert await listener.next(0.01) is None

    asyncio.run(listen())


def test_the_same_look_twice_is_told_once():
    async def listen():
        one = hub.Hub()
        with one.listening() as listener:
            for _ in range(2):
                one.look(listener, Person(name="ann", colour="#FFFFFF"))
            told = await listener.next(1.0)
            assert [(p.name, p.own) for p in told.people] == [("ann", True)]
            assert await listener.next(0.01) is None

    asyncio.run(listen())
