"""aiosmtpd and aiosmtplib: mails, a refusal, by TLS from the start or by STARTTLS."""

import asyncio
import email.message

import aiosmtplib
import shared
from aiosmtpd.smtp import SMTP


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith('no'):
            return '550 not here'
        envelope.rcpt_tos.append(address)
        return '250 OK'

    async def handle_DATA(self, server, session, envelope):
        secure = session.ssl is not None
        return f'250 {len(envelope.content)} {",".join(envelope.rcpt_tos)} {secure}'


async def serve():
    context = shared.server_context()
    loop = asyncio.get_running_loop()
    made = lambda: SMTP(Handler(), tls_context=context, require_starttls=context is not None, hostname='here')
    server = await loop.create_server(made, '127.0.0.1', 0)
    shared.serving(server.sockets[0].getsockname())
    await server.serve_forever()


async def fetch():
    context = shared.client_context()
    mail = email.message.EmailMessage()
    mail['From'], mail['To'], mail['Subject'] = 'a@example.com', 'b@example.com', 'hello'
    mail.set_content('line\n' * 5000)
    options = {'hostname': 'localhost', 'port': shared.port(), 'start_tls': context is not None, 'tls_context': context, 'local_hostname': 'me'}
    print(await aiosmtplib.send(mail, **options))
    async with aiosmtplib.SMTP(**options) as client:
        print(client.is_connected, client.supports_extension('size'))
        try:
            await client.sendmail('a@example.com', ['no@example.com'], 'text')
        except aiosmtplib.SMTPRecipientsRefused as refused:
            print(refused.recipients[0].code)
        for number in range(3):
            print(await client.sendmail('a@example.com', [f'{number}@example.com'], 'Subject: x\n\ntext'))


shared.main(serve, fetch)
