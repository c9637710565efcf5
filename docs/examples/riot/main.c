/* SPDX-License-Identifier: BSD-3-Clause */
/* A RIOT device for pyaiot: it registers (RFC 9176, simple registration), serves a thermometer and an LED, and tells
 * each new temperature. */

#include <stdio.h>
#include <string.h>

#include "net/cord/epsim.h"
#include "net/gcoap.h"
#include "net/gnrc/netif.h"
#include "net/ipv6/addr.h"
#include "net/sock/util.h"
#include "ztimer.h"

#define TELL_EVERY_S 5
#define REGISTER_EVERY_S 30 /* the gateway waits 120 s for a sign of life */

static char led = '0';
static int temperature_dc = 215; /* tenths of a degree: put your sensor here */

static size_t temperature_text(char *text, size_t size)
{
    return snprintf(text, size, "%d.%d°C", temperature_dc / 10, temperature_dc % 10);
}

static ssize_t answer(coap_pkt_t *pdu, uint8_t *buf, size_t len, const char *text)
{
    gcoap_resp_init(pdu, buf, len, COAP_CODE_CONTENT);
    coap_opt_add_format(pdu, COAP_FORMAT_TEXT);
    size_t head = coap_opt_finish(pdu, COAP_OPT_FINISH_PAYLOAD);
    memcpy(pdu->payload, text, strlen(text));
    return head + strlen(text);
}

static ssize_t on_led(coap_pkt_t *pdu, uint8_t *buf, size_t len, coap_request_ctx_t *ctx)
{
    (void)ctx;
    if (coap_get_method(pdu) == COAP_METHOD_PUT) {
        if (pdu->payload_len != 1 || (pdu->payload[0] != '0' && pdu->payload[0] != '1')) {
            return gcoap_response(pdu, buf, len, COAP_CODE_BAD_REQUEST);
        }
        led = pdu->payload[0];
        printf("led %c\n", led); /* LED0_ON or LED0_OFF on a board */
        return gcoap_response(pdu, buf, len, COAP_CODE_CHANGED);
    }
    return answer(pdu, buf, len, (char[]){led, '\0'});
}

static ssize_t on_temperature(coap_pkt_t *pdu, uint8_t *buf, size_t len, coap_request_ctx_t *ctx)
{
    (void)ctx;
    char text[16];
    temperature_text(text, sizeof(text));
    return answer(pdu, buf, len, text);
}

static ssize_t on_name(coap_pkt_t *pdu, uint8_t *buf, size_t len, coap_request_ctx_t *ctx)
{
    (void)ctx;
    return answer(pdu, buf, len, "RIOT device");
}

/* Sorted by path. The list of links must fit into one packet: 128 bytes, unless CONFIG_GCOAP_PDU_BUF_SIZE says more. */
static const coap_resource_t resources[] = {
    { "/led", COAP_GET | COAP_PUT, on_led, NULL },
    { "/name", COAP_GET, on_name, NULL },
    { "/temperature", COAP_GET, on_temperature, NULL },
};
static gcoap_listener_t listener = { .resources = resources, .resources_len = ARRAY_SIZE(resources) };

/* POST /server "temperature:21.5°C"; nobody waits for the answer. */
static void tell_temperature(const sock_udp_ep_t *gateway)
{
    uint8_t buf[CONFIG_GCOAP_PDU_BUF_SIZE];
    coap_pkt_t pdu;
    gcoap_req_init(&pdu, buf, sizeof(buf), COAP_METHOD_POST, "/server");
    size_t head = coap_opt_finish(&pdu, COAP_OPT_FINISH_PAYLOAD);
    size_t size = strlen("temperature:");
    memcpy(pdu.payload, "temperature:", size);
    size += temperature_text((char *)pdu.payload + size, pdu.payload_len - size);
    gcoap_req_send(buf, head + size, gateway, NULL, NULL, NULL, GCOAP_SOCKET_TYPE_UDP);
}

int main(void)
{
    sock_udp_ep_t gateway;
    if (sock_udp_name2ep(&gateway, GATEWAY) < 0) {
        puts("GATEWAY is no address, such as [fe80::1] or [2001:db8::1]:5683");
        return 1;
    }
    if (ipv6_addr_is_link_local((ipv6_addr_t *)&gateway.addr.ipv6)) {
        gateway.netif = gnrc_netif_iter(NULL)->pid;
    }
    if (gateway.port == 0) {
        gateway.port = COAP_PORT;
    }
    gcoap_register_listener(&listener);
    for (unsigned passed_s = 0;; passed_s += TELL_EVERY_S) {
        if (passed_s % REGISTER_EVERY_S == 0) {
            printf("registering as " CONFIG_CORD_EP ": %d\n", cord_epsim_register(&gateway));
        }
        ztimer_sleep(ZTIMER_SEC, TELL_EVERY_S);
        temperature_dc = 200 + (temperature_dc + 1) % 40;
        tell_temperature(&gateway);
    }
}
