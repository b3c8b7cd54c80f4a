/* A packet socket with a shared receive ring (packet(7), TPACKET_V2). Knows nothing of paths. */
#include "lab/ring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOT_BYTES  2048
#define N_SLOTS     1024 /* 2 MiB; at 100 Mbit/s of full frames 120 ms of not being scheduled */
#define BLOCK_BYTES (64 * 1024)

static int set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int map_slots(struct bri_ring *ring)
{
	struct tpacket_req request = { .tp_block_size = BLOCK_BYTES,
		.tp_block_nr = N_SLOTS * SLOT_BYTES / BLOCK_BYTES,
		.tp_frame_size = SLOT_BYTES,
		.tp_frame_nr = N_SLOTS };
	void *map;

	if (setsockopt(ring->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) < 0)
		return -errno;
	map = mmap(NULL, (size_t)N_SLOTS * SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
		0);
	if (map == MAP_FAILED)
		return -errno;
	ring->slots = map;
	return 0;
}

int bri_ring_open(struct bri_ring *ring, int ifindex)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = ifindex
	};
	int r;

	/* protocol 0: nothing is received before bind() has said which interface */
	*ring = (struct bri_ring) { .fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
					    0) };
	if (ring->fd < 0)
		return -errno;
	r = set(ring->fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2);
	if (r == 0)
		r = map_slots(ring);
	if (r == 0 && bind(ring->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		r = -errno;
	/* both spare work only: our own frames do not come back, and skip the queueing layer */
	(void)set(ring->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
	(void)set(ring->fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
	if (r < 0)
		bri_ring_close(ring);
	return r;
}

void bri_ring_close(struct bri_ring *ring)
{
	if (ring->slots)
		munmap(ring->slots, (size_t)N_SLOTS * SLOT_BYTES);
	if (ring->fd >= 0)
		close(ring->fd);
	*ring = (struct bri_ring) { .fd = -1 };
}

static struct tpacket2_hdr *slot(const struct bri_ring *ring)
{
	return (struct tpacket2_hdr *)(void *)(ring->slots + (size_t)ring->next * SLOT_BYTES);
}

bool bri_ring_peek(struct bri_ring *ring, uint64_t wall_offset_ns, struct bri_ring_frame *ret)
{
	struct tpacket2_hdr *header = slot(ring);
	uint32_t status = __atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE);

	if (!(status & TP_STATUS_USER))
		return false;
	ret->data = (const uint8_t *)header + header->tp_mac;
	/* a frame that was cut cannot be passed on whole: len 0 makes the wire drop it */
	ret->len = header->tp_snaplen == header->tp_len ? header->tp_len : 0;
	ret->at_ns = header->tp_sec * BRI_NS_PER_S + header->tp_nsec - wall_offset_ns;
	return true;
}

void bri_ring_pop(struct bri_ring *ring)
{
	__atomic_store_n(&slot(ring)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	ring->next = (ring->next + 1) % N_SLOTS;
}

unsigned bri_ring_send(struct bri_ring *ring, const struct bri_ring_frame *frames, unsigned n)
{
	struct mmsghdr messages[BRI_RING_BATCH];
	struct iovec parts[BRI_RING_BATCH];
	int sent;

	if (n > BRI_RING_BATCH)
		n = BRI_RING_BATCH;
	for (unsigned i = 0; i < n; i++) {
		parts[i] = (struct iovec) { (void *)(uintptr_t)frames[i].data, frames[i].len };
		messages[i] =
			(struct mmsghdr) { .msg_hdr = { .msg_iov = &parts[i], .msg_iovlen = 1 } };
	}
	sent = sendmmsg(ring->fd, messages, n, MSG_DONTWAIT);
	return sent < 0 ? 0 : (unsigned)sent;
}

void bri_ring_count_overrun(struct bri_ring *ring)
{
	struct tpacket_stats stats = { 0 };
	socklen_t len = sizeof(stats);

	/* reading resets */
	if (getsockopt(ring->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0)
		ring->overrun += stats.tp_drops;
}
