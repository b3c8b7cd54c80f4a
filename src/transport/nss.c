/* Names that only the system's name services can look up, asked on a worker thread. */
#include "transport/nss.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include "dispatch/runtime.h"
#include "transport/hostname.h"
#include "transport/resolver.h"

struct nss_job {
	struct bri_item item;
	void *context;
	bri_nss_result_f on_result;
	int family;
	struct bri_nss_result result;
	char host[BRI_HOSTNAME_MAX + 1];
};

static unsigned at_once; /* the internal queue's */

static void run_done(struct bri_item *item)
{
	struct nss_job *job = bri_container_of(item, struct nss_job, item);

	at_once--;
	job->on_result(job->context, &job->result);
	free(job);
}

static void fail(struct nss_job *job, int status, int error)
{
	switch (status) {
	case EAI_NONAME: job->result.dns_error = BRI_DNS_NO_SUCH_NAME; break;
	case EAI_NODATA:
	case EAI_ADDRFAMILY: job->result.dns_error = BRI_DNS_NO_SUCH_RECORD; break;
	case EAI_AGAIN: job->result.dns_error = BRI_DNS_TRANSIENT; break;
	case EAI_MEMORY: job->result.posix_error = ENOMEM; break;
	case EAI_SYSTEM: job->result.posix_error = error ? error : EIO; break;
	default: job->result.dns_error = BRI_DNS_UNKNOWN; break;
	}
}

/* On a worker. */
static void look_up(void *context)
{
	struct nss_job *job = context;
	struct addrinfo hints = { .ai_family = job->family, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	int status = getaddrinfo(job->host, NULL, &hints, &list);

	if (status)
		fail(job, status, errno);
	for (struct addrinfo *ai = list; ai && job->result.n < BRI_NSS_ADDRESSES_MAX;
		ai = ai->ai_next)
		if (!bri_sockaddr_from(
			    ai->ai_addr, ai->ai_addrlen, &job->result.addresses[job->result.n]))
			job->result.n++;
	if (list)
		freeaddrinfo(list);
	bri_queue_push(bri_internal_queue(), &job->item);
}

int bri_nss_query(const char *host, int family, void *context, bri_nss_result_f on_result)
{
	struct nss_job *job;

	if (at_once == BRI_NSS_AT_ONCE_MAX)
		return -EAGAIN;
	job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	job->item.run = run_done;
	job->context = context;
	job->on_result = on_result;
	job->family = family;
	memcpy(job->host, host, strnlen(host, sizeof(job->host) - 1));
	at_once++;
	bri_worker(job, look_up);
	return 0;
}
