/*
 * What the lab's middlebox makes of frames: the option is gone, the checksum right, everything else
 * as it was; and what is no whole TCP segment is left alone. Virtual: no network.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/base.h"
#include "lab/middlebox.h"

#define IP  14
#define TCP 34

/* A SYN with MP_CAPABLE (RFC 8684 section 3.1) after an MSS, before a window scale; checksum set.
 */
static const uint8_t syn[] = {
	/* Ethernet */ 2, 0, 0x99, 0, 0, 1, 2, 0, 0x99, 0, 0, 2, 8, 0,
	/* IPv4: 48 bytes, TCP, 10.10.0.2 to 10.99.0.1 */ 0x45, 0, 0, 52, 0, 0, 0x40, 0, 64, 6, 0,
	0, 10, 10, 0, 2, 10, 99, 0, 1,
	/* TCP: 32 bytes of header, SYN */ 0x80, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x80, 2, 0xff,
	0xff, 0, 0, 0, 0,
	/* options */ 2, 4, 5, 0xb4, 30, 4, 1, 0x81, 3, 3, 7, 1
};

static uint16_t checksum(const uint8_t *frame, uint32_t len)
{
	uint32_t sum = 6 + len - TCP;

	for (uint32_t i = IP + 12; i + 1 < len; i += 2)
		sum += (uint32_t)frame[i] << 8 | frame[i + 1];
	if (len % 2)
		sum += (uint32_t)frame[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void make(uint8_t *frame)
{
	uint16_t sum;

	memcpy(frame, syn, sizeof(syn));
	sum = checksum(frame, sizeof(syn));
	frame[TCP + 16] = (uint8_t)(sum >> 8);
	frame[TCP + 17] = (uint8_t)sum;
	assert_int_equal(checksum(frame, sizeof(syn)), 0);
}

static void test_strip(void **state)
{
	uint8_t frame[sizeof(syn)], before[sizeof(syn)];

	(void)state;
	make(frame);
	memcpy(before, frame, sizeof(frame));
	assert_false(bri_middlebox_drops(BRI_LAB_MPTCP_STRIP, frame, sizeof(frame)));
	bri_middlebox_change(BRI_LAB_MPTCP_STRIP, frame, sizeof(frame));
	assert_int_equal(checksum(frame, sizeof(frame)), 0);
	memset(before + TCP + 24, 1, 4);
	memcpy(before + TCP + 16, frame + TCP + 16, 2);
	assert_memory_equal(frame, before, sizeof(frame));
}

static void test_pass(void **state)
{
	static const enum bri_lab_mptcp modes[] = { BRI_LAB_MPTCP_PASS, BRI_LAB_MPTCP_STRIP_DATA };
	uint8_t frame[sizeof(syn)], before[sizeof(syn)];

	(void)state;
	make(frame);
	memcpy(before, frame, sizeof(frame));
	for (size_t i = 0; i < BRI_LEN(modes); i++) {
		assert_false(bri_middlebox_drops(modes[i], frame, sizeof(frame)));
		bri_middlebox_change(modes[i], frame, sizeof(frame));
		assert_memory_equal(frame, before, sizeof(frame));
	}
	frame[TCP + 13] = 0x10; /* no SYN any more */
	bri_middlebox_change(BRI_LAB_MPTCP_STRIP_DATA, frame, sizeof(frame));
	assert_int_equal(frame[TCP + 24], 1);
}

static void test_drop_syn(void **state)
{
	uint8_t frame[sizeof(syn)];

	(void)state;
	make(frame);
	assert_true(bri_middlebox_drops(BRI_LAB_MPTCP_DROP_SYN, frame, sizeof(frame)));
	frame[TCP + 13] = 0x10;
	assert_false(bri_middlebox_drops(BRI_LAB_MPTCP_DROP_SYN, frame, sizeof(frame)));
	frame[TCP + 13] = 0x12;
	assert_true(bri_middlebox_drops(BRI_LAB_MPTCP_DROP_SYN, frame, sizeof(frame)));
	frame[TCP + 24] = 28; /* another option */
	assert_false(bri_middlebox_drops(BRI_LAB_MPTCP_DROP_SYN, frame, sizeof(frame)));
}

/* IPv6, an odd length, and two options of ours. */
static void test_ipv6(void **state)
{
	uint8_t frame[14 + 40 + 28 + 3] = { [12] = 0x86, [13] = 0xdd };
	uint8_t *ip = frame + 14, *tcp = ip + 40;
	uint32_t sum = 6 + 31;

	(void)state;
	ip[0] = 0x60;
	ip[5] = 31;
	ip[6] = 6;
	ip[8] = 0xfd;
	ip[24] = 0xfd;
	tcp[12] = 0x70;
	tcp[13] = 0x10;
	memcpy(tcp + 20, (const uint8_t[]) { 30, 3, 1, 1, 30, 4, 9, 9 }, 8);
	memcpy(tcp + 28, "abc", 3);
	bri_middlebox_change(BRI_LAB_MPTCP_STRIP, frame, sizeof(frame));
	assert_memory_equal(tcp + 20, "\1\1\1\1\1\1\1\1", 8);
	for (uint32_t i = 8; i < 40 + 31; i++)
		sum += i % 2 ? ip[i] : (uint32_t)ip[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
}

/* Cut anywhere, and with every byte of the headers wrong: no access outside (sanitizers look), and
 * a frame that is not changed for the better is not changed. */
static void test_broken_frames(void **state)
{
	uint8_t *frame;

	(void)state;
	for (uint32_t len = 0; len < sizeof(syn); len++) {
		frame = test_malloc(len + 1);
		memcpy(frame, syn, len);
		bri_middlebox_change(BRI_LAB_MPTCP_STRIP, frame, len);
		assert_memory_equal(frame, syn, len);
		assert_false(bri_middlebox_drops(BRI_LAB_MPTCP_DROP_SYN, frame, len));
		test_free(frame);
	}
	for (uint32_t at = 12; at < sizeof(syn); at++) {
		for (unsigned value = 0; value < 256; value++) {
			frame = test_malloc(sizeof(syn));
			make(frame);
			frame[at] = (uint8_t)value;
			(void)bri_middlebox_drops(BRI_LAB_MPTCP_DROP_SYN, frame, sizeof(syn));
			bri_middlebox_change(BRI_LAB_MPTCP_STRIP, frame, sizeof(syn));
			assert_memory_equal(frame, syn, 12);
			test_free(frame);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strip),
		cmocka_unit_test(test_pass),
		cmocka_unit_test(test_drop_syn),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_broken_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
