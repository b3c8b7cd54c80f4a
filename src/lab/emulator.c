/* The emulator process of a lab. Knows of its owner only a control socket and a pidfd. */
#include "lab/emulator.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/check.h"
#include "lab/ring.h"
#include "lab/wire.h"

#define MAX_PULL 256 /* frames taken from one ring, and sent to one, before the others' turn */
/* Under load we look at the rings this often instead of at every frame: a third of the work. What
 * arrived is stamped by the kernel, so only what leaves gets late, by at most this. Not where paths
 * are faster than COALESCE_MIN_DELAY_NS. */
#define COALESCE_NS           (100 * BRI_NS_PER_US)
#define COALESCE_MIN_DELAY_NS BRI_NS_PER_MS
#define MAX_CLIENTS           8 /* attached control connections */
#define MAX_POLLED            (2 + 3 + MAX_CLIENTS + 2 * BRI_LAB_MAX_PATHS)

struct path {
	struct bri_ring ring[2]; /* by the side it leads to */
	struct bri_wire wire[2]; /* by direction */
	uint64_t offered_ns[2];  /* time of the last offer */
	enum bri_lab_state state;
	bool address;
};

struct emulator {
	const struct bri_lab_config *config;
	struct bri_world world;
	struct path paths[BRI_LAB_MAX_PATHS];
	int control_fd, owner_fd;
	int listen_fd[3];
	int clients[MAX_CLIENTS]; /* -1: free */
	uint64_t start_ns;        /* BRI_NEVER: the events' clock has not started */
	uint32_t next_event;
	unsigned handled; /* frames, in this round */
};

static void set_link_fields(struct bri_wire *wire, const struct bri_lab_change *c, uint64_t now_ns)
{
	struct bri_lab_link link = wire->link;

	if (c->set & BRI_LAB_SET_DELAY)
		link.delay_ns = c->link.delay_ns;
	if (c->set & BRI_LAB_SET_JITTER)
		link.jitter_ns = c->link.jitter_ns;
	if (c->set & BRI_LAB_SET_RATE)
		link.rate_bps = c->link.rate_bps;
	if (c->set & BRI_LAB_SET_QUEUE)
		link.queue_bytes = c->link.queue_bytes;
	if (c->set & BRI_LAB_SET_LOSS)
		link.loss_ppm = c->link.loss_ppm;
	if (c->set & BRI_LAB_SET_MPTCP)
		link.mptcp = c->link.mptcp;
	bri_wire_set(wire, &link, now_ns);
}

static int set_state(struct emulator *emulator, uint32_t index, enum bri_lab_state state)
{
	struct path *path = &emulator->paths[index];
	struct bri_world *world = &emulator->world;
	int r = 0;

	/* closing first: not one more frame gets through; opening last: none before all is set */
	for (int d = 0; d < 2 && state != BRI_LAB_UP; d++)
		bri_wire_set_open(&path->wire[d], false);
	if ((path->state == BRI_LAB_DOWN) != (state == BRI_LAB_DOWN)) {
		r = bri_worldnet_link(world, BRI_LAB_CLIENT, index, state != BRI_LAB_DOWN);
		if (r == 0 && state != BRI_LAB_DOWN && path->address)
			r = bri_worldnet_restore(world, index);
	}
	for (int d = 0; d < 2 && state == BRI_LAB_UP; d++)
		bri_wire_set_open(&path->wire[d], true);
	path->state = state;
	return r;
}

static int set_address(struct emulator *emulator, uint32_t index, bool present)
{
	struct path *path = &emulator->paths[index];

	path->address = present;
	if (!present)
		return bri_worldnet_remove(&emulator->world, index);
	/* routes need a link; when it comes up they are made */
	return path->state == BRI_LAB_DOWN ? 0 : bri_worldnet_restore(&emulator->world, index);
}

static int apply(struct emulator *emulator, uint32_t index, const struct bri_lab_change *change)
{
	uint64_t now_ns = bri_clock_now_ns();
	int r = 0;

	for (unsigned d = 0; d < 2; d++) {
		if (!change->directions || change->directions & 1u << d)
			set_link_fields(&emulator->paths[index].wire[d], change, now_ns);
	}
	if (change->set & BRI_LAB_SET_STATE)
		r = set_state(emulator, index, change->state);
	if (r == 0 && change->set & BRI_LAB_SET_ADDRESS)
		r = set_address(emulator, index, change->address);
	return r;
}

static void fill_stats(struct path *path, struct bri_lab_stats *ret)
{
	for (int d = 0; d < 2; d++) {
		/* the ring that feeds direction TO_SERVER is the client's, and so on */
		bri_ring_count_overrun(&path->ring[d]);
		ret->direction[d] = path->wire[d].stats;
		ret->direction[d].overrun = path->ring[d].overrun;
		ret->direction[d].queued_bytes = path->wire[d].queue_bytes;
	}
	ret->state = path->state;
	ret->address = path->address;
}

static void fill_hello(const struct emulator *emulator, struct bri_control_hello *hello)
{
	hello->n_paths = emulator->config->n_paths;
	for (uint32_t i = 0; i < hello->n_paths; i++)
		memcpy(hello->name[i], emulator->config->paths[i].name, BRI_LAB_NAME_SIZE);
	memcpy(hello->id, emulator->world.id, sizeof(hello->id));
	hello->pidns = emulator->world.pidns;
	for (int s = 0; s < 2; s++) {
		for (int i = 0; i < BRI_WORLD_MIBS; i++)
			hello->mib[s][i] = emulator->world.side[s].mib_fd[i] >= 0;
	}
}

static size_t gather_fds(const struct bri_world *world, int fds[static BRI_CONTROL_MAX_FDS])
{
	size_t n = 0;

	fds[n++] = world->user_fd;
	for (int s = 0; s < 2; s++) {
		const struct bri_world_side *side = &world->side[s];

		fds[n++] = side->net_fd;
		fds[n++] = side->mnt_fd;
		for (int i = 0; i < BRI_WORLD_MIBS; i++)
			fds[n++] = side->mib_fd[i] >= 0 ? side->mib_fd[i] : world->user_fd;
	}
	if (world->pidns)
		fds[n++] = world->pid_fd;
	return n;
}

static void reply(
	const struct emulator *emulator, int fd, const struct bri_control_reply *r, bool with_fds)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * BRI_CONTROL_MAX_FDS)];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec part = { (void *)(uintptr_t)r, sizeof(*r) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	int fds[BRI_CONTROL_MAX_FDS];

	if (with_fds) {
		size_t n = gather_fds(&emulator->world, fds);
		struct cmsghdr *header = &control.align;

		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(header), fds, sizeof(int) * n);
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * n);
	}
	/* a client that does not read loses its answer, not our time */
	(void)sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

_Noreturn static void end(const struct emulator *emulator)
{
	bri_world_end(&emulator->world);
	_exit(0);
}

static void serve(struct emulator *emulator, int fd, const struct bri_control_request *request)
{
	struct bri_control_reply r = { .magic = BRI_CONTROL_MAGIC };
	bool hello = request->op == BRI_CONTROL_HELLO;

	if (request->op == BRI_CONTROL_QUIT && fd == emulator->control_fd)
		end(emulator);
	if (request->magic != BRI_CONTROL_MAGIC || request->op >= BRI_CONTROL_QUIT)
		r.error = -EPROTO;
	else if (request->path >= emulator->config->n_paths)
		r.error = -ENOENT;
	else if (hello)
		fill_hello(emulator, &r.u.hello);
	else if (request->op == BRI_CONTROL_SET)
		r.error = bri_lab_check_change(&request->change) < 0
				  ? -EINVAL
				  : apply(emulator, request->path, &request->change);
	else if (request->op == BRI_CONTROL_STATS)
		fill_stats(&emulator->paths[request->path], &r.u.stats);
	else if (emulator->start_ns == BRI_NEVER)
		emulator->start_ns = bri_clock_now_ns();
	reply(emulator, fd, &r, hello && !r.error);
}

/* Returns false when the other end is gone. */
static bool on_request(struct emulator *emulator, int fd)
{
	struct bri_control_request request = { 0 };
	ssize_t n = recv(fd, &request, sizeof(request), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	if (n != (ssize_t)sizeof(request))
		request.magic = 0;
	serve(emulator, fd, &request);
	return true;
}

/* Only this user's processes may control a lab: anyone can connect to an abstract socket. */
static void on_listener(struct emulator *emulator, int listen_fd)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid != geteuid()) {
		close(fd);
		return;
	}
	for (int i = 0; i < MAX_CLIENTS; i++) {
		if (emulator->clients[i] < 0) {
			emulator->clients[i] = fd;
			return;
		}
	}
	close(fd);
}

/* Takes what has come in at one side. Returns whether there may be more. */
static bool pull(struct emulator *emulator, struct path *path, int side, uint64_t wall_offset_ns)
{
	struct bri_ring *ring = &path->ring[side];
	struct bri_wire *wire = &path->wire[side]; /* the client's frames go to the server */
	uint64_t now_ns = bri_clock_now_ns();
	struct bri_ring_frame frame;

	for (unsigned n = 0; n < MAX_PULL; n++) {
		if (!bri_ring_peek(ring, wall_offset_ns, &frame))
			return false;
		/* the stamp hides how late we were woken; a step of the wall clock must not hurt */
		if (frame.at_ns > now_ns || frame.at_ns + 100 * BRI_NS_PER_MS < now_ns)
			frame.at_ns = now_ns;
		if (frame.at_ns < path->offered_ns[side])
			frame.at_ns = path->offered_ns[side];
		path->offered_ns[side] = frame.at_ns;
		bri_wire_offer(wire, frame.at_ns, frame.data, frame.len);
		bri_ring_pop(ring);
		emulator->handled++;
	}
	return true;
}

/* Sends what has arrived at the far end of one direction. Returns whether there may be more. */
static bool push(struct emulator *emulator, struct path *path, int direction)
{
	struct bri_wire *wire = &path->wire[direction];
	struct bri_ring *ring = &path->ring[!direction];
	uint64_t now_ns = bri_clock_now_ns();
	struct bri_ring_frame batch[BRI_RING_BATCH];
	const struct bri_wire_frame *frame;

	for (unsigned total = 0; total < MAX_PULL;) {
		unsigned n = 0, sent;

		while (n < BRI_RING_BATCH && (frame = bri_wire_peek(wire, n, now_ns))) {
			batch[n].data = frame->data;
			batch[n++].len = frame->len;
		}
		if (!n)
			return false;
		sent = bri_ring_send(ring, batch, n);
		for (unsigned i = 0; i < sent; i++)
			bri_wire_pop(wire, true);
		if (sent < n) /* this one could not be sent (interface down): it is lost */
			bri_wire_pop(wire, false);
		total += sent + (sent < n);
		emulator->handled += n;
	}
	return true;
}

static uint64_t run_events(struct emulator *emulator)
{
	const struct bri_lab_config *config = emulator->config;

	if (emulator->start_ns == BRI_NEVER)
		return BRI_NEVER;
	while (emulator->next_event < config->n_events) {
		const struct bri_lab_event *event = &config->events[emulator->next_event];
		uint64_t at_ns = emulator->start_ns + event->at_ns;

		if (at_ns > bri_clock_now_ns())
			return at_ns;
		(void)apply(emulator, event->path, &event->change);
		emulator->next_event++;
	}
	return BRI_NEVER;
}

static uint64_t wall_offset_ns(void)
{
	return bri_clock_wall_ns() - bri_clock_now_ns();
}

/* One round over events and paths. Returns when the next one is due, 0: at once. */
static uint64_t run_once(struct emulator *emulator)
{
	uint64_t deadline_ns = run_events(emulator);
	uint64_t offset_ns = wall_offset_ns();
	bool more = false;

	emulator->handled = 0;
	for (uint32_t i = 0; i < emulator->config->n_paths; i++) {
		for (int d = 0; d < 2; d++) {
			more |= pull(emulator, &emulator->paths[i], d, offset_ns);
			more |= push(emulator, &emulator->paths[i], d);
			deadline_ns = bri_min_u64(
				deadline_ns, bri_wire_deadline_ns(&emulator->paths[i].wire[d]));
		}
	}
	return more ? 0 : deadline_ns;
}

static bool all_slow(const struct emulator *emulator)
{
	for (uint32_t i = 0; i < emulator->config->n_paths; i++) {
		for (int d = 0; d < 2; d++) {
			if (emulator->paths[i].wire[d].link.delay_ns < COALESCE_MIN_DELAY_NS)
				return false;
		}
	}
	return true;
}

static nfds_t fill_polled(
	const struct emulator *emulator, bool rings, struct pollfd polled[static MAX_POLLED])
{
	nfds_t n = 0;

	polled[n++] = (struct pollfd) { emulator->owner_fd, POLLIN, 0 };
	polled[n++] = (struct pollfd) { emulator->control_fd, POLLIN, 0 };
	for (int i = 0; i < 3; i++)
		polled[n++] = (struct pollfd) { emulator->listen_fd[i], POLLIN, 0 };
	for (int i = 0; i < MAX_CLIENTS; i++)
		polled[n++] = (struct pollfd) { emulator->clients[i], POLLIN, 0 };
	for (uint32_t i = 0; rings && i < emulator->config->n_paths; i++) {
		for (int s = 0; s < 2; s++)
			polled[n++] = (struct pollfd) { emulator->paths[i].ring[s].fd, POLLIN, 0 };
	}
	return n;
}

static void dispatch(struct emulator *emulator, const struct pollfd polled[static MAX_POLLED])
{
	/* the owner's death ends everything; so does its closing the lab */
	if (polled[0].revents || (polled[1].revents && !on_request(emulator, emulator->control_fd)))
		end(emulator);
	for (int i = 0; i < 3; i++) {
		if (polled[2 + i].revents)
			on_listener(emulator, emulator->listen_fd[i]);
	}
	for (int i = 0; i < MAX_CLIENTS; i++) {
		/* a connection accepted just now was not polled yet: its revents are 0 */
		if (polled[5 + i].fd >= 0 && polled[5 + i].revents &&
			!on_request(emulator, emulator->clients[i])) {
			close(emulator->clients[i]);
			emulator->clients[i] = -1;
		}
	}
}

_Noreturn static void loop(struct emulator *emulator)
{
	struct pollfd polled[MAX_POLLED];

	for (;;) {
		uint64_t deadline_ns = run_once(emulator);
		bool busy = deadline_ns && emulator->handled && all_slow(emulator);
		uint64_t now_ns = bri_clock_now_ns();
		uint64_t wait_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
		struct timespec timeout;
		nfds_t n;

		if (busy)
			wait_ns = COALESCE_NS;
		timeout.tv_sec = (time_t)(wait_ns / BRI_NS_PER_S);
		timeout.tv_nsec = (long)(wait_ns % BRI_NS_PER_S);
		n = fill_polled(emulator, !busy, polled);
		if (ppoll(polled, n, !busy && deadline_ns == BRI_NEVER ? NULL : &timeout, NULL) > 0)
			dispatch(emulator, polled);
	}
}

static int open_paths(struct emulator *emulator)
{
	const struct bri_lab_config *config = emulator->config;

	for (uint32_t i = 0; i < config->n_paths; i++) {
		struct path *path = &emulator->paths[i];

		path->address = true;
		for (int d = 0; d < 2; d++) {
			uint64_t seed = config->seed ^
					(2 * i + (unsigned)d + 1) * UINT64_C(0xd1342543de82ef95);
			int r = bri_ring_open(&path->ring[d], emulator->world.middle_ifindex[i][d]);

			if (r < 0)
				return bri_world_fail(&emulator->world, r, "path %s: packet socket",
					config->paths[i].name);
			bri_wire_init(&path->wire[d], &config->paths[i].link[d], seed);
		}
	}
	return 0;
}

/* Of what the owner had open nothing may live on here: a pipe would never end. */
static void leave_owner(const struct emulator *emulator)
{
	int low = emulator->control_fd < emulator->owner_fd ? emulator->control_fd
							    : emulator->owner_fd;
	int high = emulator->control_fd ^ emulator->owner_fd ^ low;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t all;

	for (int i = 0; null_fd >= 0 && i < 3; i++) {
#ifdef BRAID_SANITIZED
		if (i == 2)
			break; /* reports go to stderr */
#endif
		dup2(null_fd, i);
	}
	if (low > 3)
		close_range(3, (unsigned)low - 1, 0);
	if (high > low + 1)
		close_range((unsigned)low + 1, (unsigned)high - 1, 0);
	close_range((unsigned)high + 1, ~0u, 0);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGCHLD, SIG_IGN); /* process 1 inherits orphans: the kernel reaps them */
	(void)setsid();           /* keyboard signals are for the programs */
	(void)prctl(PR_SET_NAME, "braid-lab");
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
}

static int set_up(struct emulator *emulator, bool pidns)
{
	int r = bri_world_listen(emulator->world.id, &emulator->listen_fd[0]);

	if (r < 0)
		return bri_world_fail(&emulator->world, r, "control socket");
	r = bri_world_open(&emulator->world, emulator->config, pidns);
	if (r < 0)
		return r == -EPERM && !emulator->world.why[0] ? -EAGAIN : r;
	emulator->listen_fd[1] = emulator->world.side[0].listen_fd;
	emulator->listen_fd[2] = emulator->world.side[1].listen_fd;
	return open_paths(emulator);
}

_Noreturn void bri_emulator_run(const struct bri_lab_config *config, const char *id, int control_fd,
	int owner_fd, bool pidns)
{
	struct emulator *emulator = calloc(1, sizeof(*emulator));
	struct bri_control_reply hello = { .magic = BRI_CONTROL_MAGIC };

	if (!emulator)
		_exit(1);
	emulator->config = config;
	emulator->control_fd = control_fd;
	emulator->owner_fd = owner_fd;
	emulator->start_ns = BRI_NEVER;
	snprintf(emulator->world.id, sizeof(emulator->world.id), "%s", id);
	for (int i = 0; i < MAX_CLIENTS; i++)
		emulator->clients[i] = -1;
	leave_owner(emulator);
	hello.error = set_up(emulator, pidns);
	memcpy(hello.why, emulator->world.why, sizeof(hello.why));
	if (!hello.error)
		fill_hello(emulator, &hello.u.hello);
	reply(emulator, control_fd, &hello, !hello.error);
	if (hello.error)
		_exit(1);
	loop(emulator);
}
