"""The model server: Open Inference Protocol v2, a plain JSON endpoint, feedback, and Prometheus metrics over HTTP.

Stage 1 runs in the event loop, stage 2 in a small pool of worker threads (its arithmetic releases the GIL), so that
an input that takes long does not hold up the easy ones. Images that wait there together may be computed together. On
SIGTERM the server goes on answering for a while, because a pod receives requests until its removal has reached every
node; only then does it close.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from threadpoolctl import threadpool_limits

import oip
from batching import Batcher
from handwriting import CLASSES, Floats, load
from metrics import Metrics
from model import Answer, Cascade, Settings
from tuning import LOOK_SECONDS, Tuning

log = logging.getLogger("digits")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """One model and its HTTP handlers."""

    def __init__(self, settings: Settings, workers: int = 1, tuning: Path | None = None) -> None:
        self.settings = settings
        self._tuning = tuning
        self.metrics = Metrics()
        self.draining = False
        self._cascade: Cascade | None = None
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="stage-2")
        self.batcher = Batcher(
            self._pool, lambda images: self._model().second(images), settings.max_batch_size
        )

    def app(self) -> web.Application:
        """The aiohttp application. The model is not trained until `train` has run."""
        app = web.Application(middlewares=[self._speak_json])
        model = f"/v2/models/{oip.MODEL}"
        app.router.add_get("/v2", self._server_metadata)
        app.router.add_get("/v2/health/live", self._live)
        app.router.add_get("/v2/health/ready", self._ready)
        for path in (model, f"{model}/versions/{self.settings.model_version}"):
            app.router.add_get(path, self._model_metadata)
            app.router.add_get(f"{path}/ready", self._model_ready)
            app.router.add_post(f"{path}/infer", self._timed(self._infer))
        app.router.add_post("/predict", self._timed(self._predict))
        app.router.add_post("/feedback", self._feedback)
        app.router.add_get("/metrics", self._metrics)
        app.on_cleanup.append(self._close)
        return app

    async def train(self) -> None:
        """Train the model in a worker; requests are refused as not ready meanwhile."""
        loop = asyncio.get_running_loop()
        self._cascade = await loop.run_in_executor(self._pool, lambda: Cascade(self.settings, load().train))
        self.metrics.memory_rows.set_function(lambda: self._model().memory_rows)
        self.metrics.exit_threshold.set_function(lambda: self._model().exit_threshold)

    async def follow_tuning(self) -> None:
        """Take the exit threshold from the file, if there is one, as often as it changes. Never returns then."""
        if self._tuning is None:
            return
        tuning = Tuning(self._tuning, self.settings.exit_threshold, self._set_threshold)
        while True:
            tuning.look()
            await asyncio.sleep(LOOK_SECONDS)

    def _set_threshold(self, threshold: float) -> None:
        self._model().exit_threshold = threshold

    @property
    def ready(self) -> bool:
        """Trained, and not about to go."""
        return self._cascade is not None and not self.draining

    def _model(self) -> Cascade:
        if self._cascade is None:
            raise web.HTTPServiceUnavailable(
                text="the model is still being trained; try again in a few seconds"
            )
        return self._cascade

    async def _classify(self, image: Floats) -> Answer:
        model = self._model()
        answer = model.first(image)
        if not model.settles(answer):
            answer = await asyncio.wrap_future(self.batcher.submit(image))
        self.metrics.exits.labels(str(answer.stage)).inc()
        self.metrics.exit_stage.observe(answer.stage)
        return answer

    async def _predict(self, request: web.Request) -> web.Response:
        body = await _json_object(request)
        answer = await self._classify(oip.pixels(body.get("image")))
        return web.json_response(
            {
                "prediction": answer.digit,
                "confidence": round(answer.confidence, 6),
                "exit_stage": answer.stage,
                "version": self.settings.model_version,
            }
        )

    async def _infer(self, request: web.Request) -> web.Response:
        asked = oip.read(await _json_object(request))
        answers = [await self._classify(image) for image in asked.images]
        return web.json_response(oip.write(asked, answers, self.settings.model_version))

    async def _feedback(self, request: web.Request) -> web.Response:
        body = await _json_object(request)
        images = oip.batch(body.get("images"))
        labels = body.get("labels")
        if not isinstance(labels, list) or len(labels) != len(images):
            raise oip.BadInputError(f"labels must be a list of {len(images)} digits, one for each image")
        if not all(type(label) is int and 0 <= label < CLASSES for label in labels):
            raise oip.BadInputError("each label must be a whole number within 0..9")
        learned = self._model().learn(images, np.array(labels, np.uint8))
        self.metrics.learned.inc(learned)
        return web.json_response({"learned": learned, "version": self.settings.model_version})

    async def _server_metadata(self, _: web.Request) -> web.Response:
        return web.json_response(oip.server_metadata())

    async def _model_metadata(self, _: web.Request) -> web.Response:
        return web.json_response(oip.model_metadata(self.settings.model_version))

    async def _live(self, _: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def _ready(self, _: web.Request) -> web.Response:
        # The protocol: 200 says true, a 4xx says false.
        return web.json_response({"ready": self.ready}, status=200 if self.ready else 400)

    async def _model_ready(self, _: web.Request) -> web.Response:
        body = {"name": oip.MODEL, "ready": self.ready}
        return web.json_response(body, status=200 if self.ready else 400)

    async def _metrics(self, _: web.Request) -> web.Response:
        text = generate_latest(self.metrics.registry)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _timed(self, handler: Handler) -> Handler:
        """Time an inference and count its outcome. A caller that gave up was served that slowly: it counts too."""

        async def timed(request: web.Request) -> web.StreamResponse:
            arrival = time.perf_counter()
            well_formed = True
            try:
                return await handler(request)
            except (oip.BadInputError, web.HTTPClientError):
                well_formed = False
                self.metrics.client_errors.inc()
                raise
            except Exception:
                self.metrics.errors.inc()
                raise
            finally:
                if well_formed:
                    self.metrics.requests.inc()
                    self.metrics.duration.observe(time.perf_counter() - arrival)

        return timed

    @web.middleware
    async def _speak_json(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer every error as {"error": "..."}, and end connections while draining."""
        response: web.StreamResponse
        try:
            response = await handler(request)
        except oip.BadInputError as error:
            response = web.json_response({"error": str(error)}, status=400)
        except web.HTTPException as error:
            text = f"{request.method} {request.path}: {error.text or error.reason}"
            response = web.json_response({"error": text}, status=error.status)
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            response = web.json_response({"error": "the model failed; see the server's log"}, status=500)
        if self.draining:
            response.force_close()
        return response

    async def _close(self, _: web.Application) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.batcher.close()


async def _json_object(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        raise oip.BadInputError("the request must be JSON") from None
    if not isinstance(body, dict):
        raise oip.BadInputError("the request must be a JSON object")
    return body


async def serve(server: Server, port: int, drain_seconds: float) -> None:
    """Serve until SIGTERM or SIGINT, then `drain_seconds` longer, then until the last answer is out."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # handler_cancellation: work that waits for a worker is dropped once its caller has gone.
    runner = web.AppRunner(server.app(), access_log=None, handler_cancellation=True, shutdown_timeout=10)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    await server.train()
    following = asyncio.create_task(server.follow_tuning())
    log.info("version %s serves on port %d", server.settings.model_version, port)
    await stop.wait()
    following.cancel()
    server.draining = True
    log.info("asked to stop: serving %.1f s longer, until no more requests come", drain_seconds)
    await asyncio.sleep(drain_seconds)
    await runner.cleanup()


def main() -> None:
    """Read the environment and serve."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    threadpool_limits(
        1
    )  # a pod has a fraction of a core: threads of the BLAS would only get in each other's way
    try:
        settings = Settings.from_env(os.environ)
        port = int(os.environ.get("PORT", "8080"))
        workers = int(os.environ.get("WORKERS", "1"))
        drain_seconds = float(os.environ.get("DRAIN_SECONDS", "5"))
        tuning = os.environ.get("EXIT_THRESHOLD_FILE", "")
    except ValueError as error:
        sys.exit(f"the server cannot start: {error}")
    asyncio.run(serve(Server(settings, workers, Path(tuning) if tuning else None), port, drain_seconds))


if __name__ == "__main__":
    main()
